"""Numbers, times and foreign text, as a person reads them in a terminal."""

from datetime import datetime
from typing import Final

_UNITS: Final = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def printable(text: str) -> str:
    """Return `text` on one line, without what a terminal would obey."""
    return "".join(character if character.isprintable() else " " for character in text)


def duration(seconds: float) -> str:
    """Return a length of time in its two largest units, e.g. ``1 d 6 h``."""
    left, parts = max(0, round(seconds)), []
    for unit, length in _UNITS:
        count, left = divmod(left, length)
        if count:
            parts.append(f"{count} {unit}")
        elif parts:
            break
    return " ".join(parts[:2]) or "0 s"


def moment(unix_seconds: float) -> str:
    """Return a moment in this machine's time zone, e.g. ``2026-11-23 14:34:38``."""
    return f"{datetime.fromtimestamp(unix_seconds).astimezone():%Y-%m-%d %H:%M:%S}"


def count(number: int, noun: str) -> str:
    """Return e.g. ``1 like`` or ``1,000 likes``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
