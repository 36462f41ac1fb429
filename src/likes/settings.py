"""The functions' environment, read once and checked."""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

# Written so that all who read an address read the same: no user, no query, nothing that one parser would drop.
_ADDRESS: Final = re.compile(r"https?://([A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9A-Fa-f:.]+\])(:[0-9]+)?(/[A-Za-z0-9._~/-]*)?")


class InvalidSetting(Exception):
    """An environment variable is missing or malformed. The message is one line that names it."""


@dataclass(frozen=True, slots=True)
class AisaSettings:
    """Where the gateway and its keys are."""

    base_url: str
    secret_id: str
    key_in_body: bool

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> "AisaSettings":
        """Read ``AISA_BASE_URL``, ``AISA_SECRET_ID`` and ``AISA_KEY_IN_BODY``.

        Raises:
            InvalidSetting: one is missing or malformed.
        """
        return cls(
            _base_url(environ, "AISA_BASE_URL", "https://api.aisa.one"),
            text(environ, "AISA_SECRET_ID"),
            _flag(environ, "AISA_KEY_IN_BODY"),
        )


@dataclass(frozen=True, slots=True)
class Budget:
    """How much an account may do, and how long the ledger remembers.

    Attributes:
        likes_per_window: likes in one of X's windows.
        window_seconds: the length of a window.
        likes_per_day: likes in 24 hours from the first.
        remember_days: days for which a like is kept.
    """

    likes_per_window: int = 50
    window_seconds: float = 900.0
    likes_per_day: int = 1_000
    remember_days: int = 30


@dataclass(frozen=True, slots=True)
class LedgerSettings:
    """Where the ledger is and which limits it keeps."""

    table: str
    budget: Budget

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> "LedgerSettings":
        """Read ``STATE_TABLE``, ``LIKES_PER_WINDOW``, ``WINDOW_SECONDS``, ``LIKES_PER_DAY`` and ``REMEMBER_DAYS``.

        Raises:
            InvalidSetting: one is missing or malformed.
        """
        budget = Budget(
            likes_per_window=whole_number(environ, "LIKES_PER_WINDOW", 50),
            window_seconds=float(whole_number(environ, "WINDOW_SECONDS", 900)),
            likes_per_day=whole_number(environ, "LIKES_PER_DAY", 1_000),
            remember_days=whole_number(environ, "REMEMBER_DAYS", 30),
        )
        return cls(text(environ, "STATE_TABLE"), budget)


def text(environ: Mapping[str, str], name: str) -> str:
    """Return the variable `name`.

    Raises:
        InvalidSetting: it is missing or empty.
    """
    value = environ.get(name, "").strip()
    if not value:
        raise InvalidSetting(f"{name} is not set.")
    return value


def whole_number(environ: Mapping[str, str], name: str, default: int) -> int:
    """Return the variable `name`, a whole number from 1, or `default` where it is absent.

    Raises:
        InvalidSetting: it is anything else.
    """
    value = environ.get(name, str(default))
    if not (value.isascii() and value.isdigit() and int(value[:12]) > 0 and len(value) <= 12):
        raise InvalidSetting(f"{name} must be a whole number from 1.")
    return int(value)


def _flag(environ: Mapping[str, str], name: str) -> bool:
    value = environ.get(name, "false")
    if value not in {"true", "false"}:
        raise InvalidSetting(f"{name} must be true or false.")
    return value == "true"


def _base_url(environ: Mapping[str, str], name: str, default: str) -> str:
    value = environ.get(name, default)
    try:
        parts = urlsplit(value)
        is_safe = parts.scheme == "https" or _is_loopback(parts.hostname or "")
        _ = parts.port
    except ValueError:
        is_safe = False
    if not (is_safe and _ADDRESS.fullmatch(value)):
        raise InvalidSetting(f"{name} must be an https address; plain http is for a loopback host only.")
    return value


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
