"""Errors over HTTP: problem details (RFC 9457), each with a stable code."""

import math
from typing import Any, Final

from likes.http import Answer, answer
from likes.outcomes import Kind, Outcome

_STATUSES: Final = {
    Kind.REJECTED: 400,
    Kind.LIMITED: 429,
    Kind.BLOCKED: 503,
    Kind.UNAVAILABLE: 502,
    Kind.IN_PROGRESS: 409,
}

_SPECIAL_STATUSES: Final = {
    "tweet_not_found": 404,
    "tweet_not_visible": 404,
    "unprocessable": 422,
    "author_blocked": 422,
    "unknown_account": 422,
    "upstream_timeout": 504,
}

_TITLES: Final = {
    400: "Bad request",
    401: "Unauthorized",
    404: "Not found",
    405: "Method not allowed",
    409: "In progress",
    413: "Too large",
    422: "Can not be liked",
    429: "Too many likes",
    500: "Defect",
    502: "Upstream failed",
    503: "Not available",
    504: "Upstream did not answer",
}


def problem(status: int, code: str, detail: str, *, retry_after: float | None = None, **members: Any) -> Answer:
    """Return an API Gateway answer, ``application/problem+json``; `retry_after` in seconds."""
    headers = {} if retry_after is None else {"retry-after": str(max(1, math.ceil(retry_after)))}
    body = {"type": "about:blank", "title": _TITLES[status], "status": status, "code": code, "detail": detail}
    return answer(status, body | members, media_type="application/problem+json", **headers)


def problem_of(outcome: Outcome, now: float, **members: Any) -> Answer:
    """Return the answer for a like that was not made; `now` in Unix seconds."""
    status = _SPECIAL_STATUSES.get(outcome.reason, _STATUSES[outcome.kind])
    if outcome.kind is Kind.IN_PROGRESS:
        retry_after: float | None = 1
    else:
        retry_after = outcome.retry_at and outcome.retry_at - now
    return problem(status, outcome.reason, outcome.detail, retry_after=retry_after, **members)
