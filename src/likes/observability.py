"""What the operator gets to see: one log line per like, and the metrics.

The account and the tweet are in the lines, never in the metrics' dimensions. No key, body or header is in either.
"""

import warnings
from collections.abc import Sequence
from typing import Final

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from likes.outcomes import Kind, Outcome
from likes.payload import LikeRequest

logger: Final = Logger()
metrics: Final = Metrics(namespace="TweetLikes")

# A question about a like's state is no like, and counts as nothing.
warnings.filterwarnings("ignore", "No application metrics to publish")

_COUNTS: Final = {
    Kind.LIKED: "Liked",
    Kind.ALREADY_LIKED: "AlreadyLiked",
    Kind.REJECTED: "Rejected",
    Kind.LIMITED: "Limited",
    Kind.BLOCKED: "Blocked",
    Kind.UNAVAILABLE: "Unavailable",
    Kind.IN_PROGRESS: "InProgress",
}


# Reasons that mean that money, or what may be spent of it, is used up.
_CAPS: Final = frozenset({"balance_exhausted", "day_spent", "quota_exceeded"})


def report(trigger: str, request: LikeRequest | None, outcome: Outcome, *, queue_age_ms: float | None = None) -> None:
    """Write the line and the metrics of one like.

    Parameters:
        trigger: what asked for it, e.g. ``http``.
        request: the like; None where the payload named none.
        outcome: how it ended.
        queue_age_ms: how long it has been queued, milliseconds; None where it was not.
    """
    write = logger.info if outcome.kind.is_final and outcome.kind is not Kind.REJECTED else logger.warning
    write(
        "like",
        extra={
            "outcome": outcome.kind,
            "reason": outcome.reason,
            "detail": outcome.detail,
            "account": request and request.account,
            "tweet_id": request and request.tweet_id,
            "trigger": trigger,
            "upstream_status": outcome.status,
            "upstream_ms": outcome.upstream_ms,
            "aisa_request_id": outcome.request_id,
            "attempt": outcome.attempt,
            "repeated": outcome.repeated,
            "retry_at": outcome.retry_at,
            "queue_age_ms": queue_age_ms,
        },
    )
    metrics.add_metric(_COUNTS[outcome.kind], MetricUnit.Count, 1)
    if outcome.reason in _CAPS:
        metrics.add_metric("SpendingCapReached", MetricUnit.Count, 1)
    if outcome.upstream_ms is not None:
        metrics.add_metric("UpstreamLatency", MetricUnit.Milliseconds, outcome.upstream_ms)
    if queue_age_ms is not None:
        metrics.add_metric("QueueAge", MetricUnit.Milliseconds, queue_age_ms)


def report_webhook(
    outcome: str, reason: str, *, source: str | None, request: LikeRequest | None = None, message_id: str | None = None
) -> None:
    """Write the line and the metric of one webhook, ``accepted`` or ``refused``; `source` is None unless proven."""
    write = logger.info if outcome == "accepted" else logger.warning
    write(
        "webhook",
        extra={
            "outcome": outcome,
            "reason": reason,
            "source": source,
            "account": request and request.account,
            "tweet_id": request and request.tweet_id,
            "message_id": message_id,
        },
    )
    metrics.add_metric(f"Webhook{outcome.capitalize()}", MetricUnit.Count, 1)


def count_ledger_unavailable(request: LikeRequest, code: str) -> None:
    """Warn that a like goes ahead although DynamoDB does not take part; `code` is its error's name."""
    extra = {"error_code": code, "account": request.account, "tweet_id": request.tweet_id}
    logger.warning("ledger_unavailable", extra=extra)
    metrics.add_metric("LedgerUnavailable", MetricUnit.Count, 1)


def report_queue_failure(reason: str, code: str, message_ids: Sequence[str]) -> None:
    """Warn that SQS refused to hide or to reject messages; nothing is lost, they come back later."""
    logger.warning("queue_failure", extra={"reason": reason, "error_code": code, "message_ids": list(message_ids)})
    metrics.add_metric("QueueFailure", MetricUnit.Count, 1)
