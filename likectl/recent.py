"""What became of likes lately, counted from the functions' log lines: metrics do not know accounts."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

_PATTERN: Final = '{ $.message = "like" }'


def outcomes(client: "CloudWatchLogsClient", groups: Iterable[str], since: float) -> Mapping[str, Counter[str]]:
    """Return how often each outcome was logged since `since` (Unix seconds), by account."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    pages = client.get_paginator("filter_log_events")
    for group in groups:
        for page in pages.paginate(logGroupName=group, startTime=round(since * 1000), filterPattern=_PATTERN):
            for event in page["events"]:
                line = _line(event.get("message", ""))
                if line.get("message") == "like" and isinstance(line.get("account"), str):
                    counts[line["account"]][str(line.get("outcome"))] += 1
    return counts


def _line(message: str) -> dict[str, Any]:
    try:
        line = json.loads(message)
    except ValueError:
        return {}
    return line if isinstance(line, dict) else {}
