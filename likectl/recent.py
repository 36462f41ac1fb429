"""What became of likes lately, from the functions' log lines: metrics do not know accounts, nor does SQS."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

_LIKE: Final = '$.message = "like"'


@dataclass(frozen=True, slots=True)
class Line:
    """One try of a like. Times are Unix seconds.

    Attributes:
        at: when it was.
        account: whose like it was.
        outcome: how it ended.
        queued_at: when the like was queued; None when it was not.
        retry_at: when it is tried again; None when it is not.
    """

    at: float
    account: str
    outcome: str
    queued_at: float | None
    retry_at: float | None

    def queued_seconds(self, now: float) -> float:
        """Return how long the like has been queued at `now` if it waits still, else until this try."""
        return (self.at if self.retry_at is None else now) - (self.queued_at or self.at)


def lines(
    client: "CloudWatchLogsClient", group: str, since: float, *, waiting_at: float | None = None
) -> Iterator[Line]:
    """Yield the tries that a log group holds from `since` on, or those among them that wait still at `waiting_at`."""
    pattern = _LIKE if waiting_at is None else f"{_LIKE} && $.retry_at > {waiting_at:.0f}"
    pages = client.get_paginator("filter_log_events")
    for page in pages.paginate(logGroupName=group, startTime=round(since * 1000), filterPattern=f"{{ {pattern} }}"):
        for event in page["events"]:
            line = _line(event["timestamp"] / 1000, _fields(event["message"]))
            # Emulators take no such pattern and give everything.
            if line and (waiting_at is None or (line.retry_at or 0) > waiting_at):
                yield line


def outcomes(tries: Iterable[Line]) -> Mapping[str, Counter[str]]:
    """Return how often each outcome was logged, by account."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for line in tries:
        counts[line.account][line.outcome] += 1
    return counts


def latest_queued(tries: Iterable[Line]) -> Mapping[str, Line]:
    """Return the latest try of a queued like, by account: it shows where the account's lane stands."""
    queued = (line for line in tries if line.queued_at is not None)
    return {line.account: line for line in sorted(queued, key=lambda line: line.at)}


def _line(at: float, fields: Mapping[str, Any]) -> Line | None:
    account = fields.get("account")
    if fields.get("message") != "like" or not isinstance(account, str):
        return None
    age_ms = fields.get("queue_age_ms")
    queued_at = None if age_ms is None else at - age_ms / 1000
    return Line(at, account, str(fields.get("outcome")), queued_at, fields.get("retry_at"))


def _fields(message: str) -> dict[str, Any]:
    try:
        fields = json.loads(message)
    except ValueError:
        return {}
    return fields if isinstance(fields, dict) else {}
