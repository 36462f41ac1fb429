"""Which tweets an operator wants liked: ids and links from arguments, text, CSV or JSON lines."""

import csv
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Final, NamedTuple, TextIO

from likectl.problems import Exit, Problem
from likes.payload import ACCOUNT_PATTERN, InvalidPayload, LikeRequest, read_tweet
from likes.tweets import NotATweet, tweet_id_from

_COLUMNS: Final = ("tweet_id", "tweet_url", "tweet", "url", "link", "id")
_DELIMITERS: Final = ",;\t"
_is_account: Final = re.compile(ACCOUNT_PATTERN).fullmatch


class Refusal(NamedTuple):
    """A line that asks for nothing that can be done. It is told by its place: it may hold anything, even a key."""

    place: str
    code: str
    detail: str


@dataclass
class Intake:
    """What was asked for.

    Attributes:
        requests: the likes, each once, in order.
        duplicates: how often one was asked for again.
        refused: what asks for nothing that can be done.
    """

    requests: dict[LikeRequest, None] = field(default_factory=dict)
    duplicates: int = 0
    refused: list[Refusal] = field(default_factory=list)


def read(arguments: Sequence[str], account: str) -> Intake:
    """Read ids and links, files, and standard input for ``-``; `account` is for those that name none.

    Raises:
        Problem: an argument is neither a tweet nor a file that can be read.
    """
    intake = Intake()
    for number, argument in enumerate(arguments, 1):
        for place, fields in _fields(f"argument {number}", argument):
            try:
                request = _request(fields, account)
            except InvalidPayload as error:
                intake.refused.append(Refusal(place, error.code, error.detail))
                continue
            intake.duplicates += request in intake.requests
            intake.requests[request] = None
    return intake


_Fields = Mapping[str, Any] | InvalidPayload
"""What one line says, or why it can not be read."""


def _request(fields: _Fields, account: str) -> LikeRequest:
    if isinstance(fields, InvalidPayload):
        raise fields
    tweet = next((fields[name] for name in _COLUMNS if fields.get(name) not in (None, "")), None)
    request = LikeRequest(read_tweet(tweet), fields.get("account") or account)
    if not isinstance(request.account, str) or not _is_account(request.account):
        raise InvalidPayload("invalid_account", "account is 1 to 64 letters, digits, dots, dashes or underscores.")
    return request


def _fields(name: str, argument: str) -> Iterator[tuple[str, _Fields]]:
    if argument == "-":
        yield from _lines("stdin", sys.stdin)
    elif "://" in argument or _is_tweet(argument):
        yield name, {"tweet": argument}
    else:
        try:
            with Path(argument).open(encoding="utf-8-sig", errors="replace", newline="") as file:
                yield from _lines(Path(argument).name, file)
        except FileNotFoundError:
            raise Problem(f"{name.capitalize()} is neither a tweet's id or link, nor a file.", Exit.USAGE) from None
        except OSError as error:
            raise Problem(f"The file of {name} can not be read: {error.strerror}.", Exit.USAGE) from None


def _is_tweet(text: str) -> bool:
    try:
        tweet_id_from(text)
    except NotATweet:
        return False
    return True


def _lines(name: str, file: TextIO) -> Iterator[tuple[str, _Fields]]:
    """Yield what each line says, after its place; the first line that is not blank shows the format."""
    numbered = enumerate(file, 1)
    start, first = next(((number, line) for number, line in numbered if line.strip()), (1, ""))
    lines = chain([first], (line for _, line in numbered))
    if columns := _header(first):
        found = _from_csv(lines, columns, _delimiter(first))
    elif first.lstrip().startswith(("{", '"')):
        found = _from_json(lines)
    else:
        found = _from_text(lines)
    for number, fields in found:
        yield f"{name}:{start + number}", fields


def _from_text(lines: Iterable[str]) -> Iterator[tuple[int, _Fields]]:
    for number, line in enumerate(lines):
        text = line.strip()
        if text and not text.startswith("#"):
            yield number, {"tweet": text}


def _from_json(lines: Iterable[str]) -> Iterator[tuple[int, _Fields]]:
    for number, line in enumerate(lines):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            yield number, InvalidPayload("invalid_json", "The line is not valid JSON.")
        else:
            yield number, value if isinstance(value, dict) else {"tweet": value}


def _from_csv(lines: Iterable[str], columns: Sequence[str], delimiter: str) -> Iterator[tuple[int, _Fields]]:
    rows = csv.reader(lines, delimiter=delimiter)
    next(rows)
    while True:
        try:
            row = [cell.strip() for cell in next(rows)]
        except StopIteration:
            return
        except csv.Error:
            yield rows.line_num - 1, InvalidPayload("invalid_csv", "The line is not valid CSV.")
            continue
        if any(row):
            yield rows.line_num - 1, dict(zip(columns, row, strict=False))


def _header(line: str) -> list[str]:
    """Return the names of a CSV's columns if the line has them, else nothing."""
    names = [cell.strip().strip('"').lower() for cell in line.split(_delimiter(line))]
    return names if set(names) & set(_COLUMNS) else []


def _delimiter(line: str) -> str:
    return max(_DELIMITERS, key=line.count)
