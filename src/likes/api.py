"""The HTTP function's handler: ``POST /likes`` makes a like or queues it, ``GET /likes/{tweet_id}`` tells of one."""

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.utilities.typing import LambdaContext

from likes.http import Answer, Event, answer, body_of
from likes.ledger import LedgerUnavailable
from likes.observability import count_ledger_unavailable, logger, metrics, report, report_queue_failure
from likes.outcomes import Kind, Outcome
from likes.payload import STRICT_SCHEMA, InvalidPayload, LikeRequest, read_json, read_request
from likes.problems import problem, problem_of
from likes.queues import QueueUnavailable
from likes.wiring import ApiParts, build_api

TRIGGER: Final = "http"


def make_handler(
    parts: ApiParts, *, clock: Callable[[], float] = time.time
) -> Callable[[Event, LambdaContext], Answer]:
    """Return the Lambda handler over `parts`: an API Gateway event (format 2.0) in, an answer out; it never raises."""

    @logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_HTTP)
    @metrics.log_metrics
    def handle(event: Event, context: LambdaContext) -> Answer:
        metrics.add_dimension("trigger", TRIGGER)
        try:
            if event["routeKey"] == "POST /likes":
                return _post(event, context.get_remaining_time_in_millis() / 1000)
            return _get(event)
        except InvalidPayload as error:
            outcome = Outcome(Kind.REJECTED, error.code, error.detail)
            report(TRIGGER, None, outcome)
            return problem_of(outcome, clock())
        except Exception:  # noqa: BLE001 - the caller gets a code, and the operator the traceback
            logger.exception("internal_error")
            report(TRIGGER, None, Outcome(Kind.UNAVAILABLE, "internal_error"))
            return problem(500, "internal_error", "A defect in the service. Its log has the details.")

    def _post(event: Event, seconds: float) -> Answer:
        request = read_request(read_json(body_of(event)), schema=STRICT_SCHEMA)
        if "respond-async" in event["headers"].get("prefer", "").lower():
            return _queue(request)
        outcome = parts.liker.like(request, seconds - 1)
        report(TRIGGER, request, outcome)
        if outcome.kind in {Kind.LIKED, Kind.ALREADY_LIKED}:
            cached = {"cached": True} if outcome.kind is Kind.ALREADY_LIKED else {}
            return answer(200, {"liked": True, "tweet_id": request.tweet_id, "account": request.account} | cached)
        return problem_of(outcome, clock(), tweet_id=request.tweet_id, account=request.account)

    def _queue(request: LikeRequest) -> Answer:
        try:
            message_id = parts.queue.send(request)
        except QueueUnavailable as error:
            report_queue_failure("send_failed", str(error), [])
            return problem(503, "queue_unavailable", "The queue did not take the like. Send it again.", retry_after=5)
        logger.info(
            "queued", extra={"account": request.account, "tweet_id": request.tweet_id, "message_id": message_id}
        )
        queued = {"queued": True, "tweet_id": request.tweet_id, "account": request.account}
        return answer(202, queued, **{"preference-applied": "respond-async", "location": _location(request)})

    def _get(event: Event) -> Answer:
        parameters = event.get("queryStringParameters") or {}
        asked = {"tweet_id": event["pathParameters"]["tweet_id"], **parameters}
        request = read_request(asked, schema=STRICT_SCHEMA)
        try:
            record = parts.ledger.find(request)
        except LedgerUnavailable as error:
            count_ledger_unavailable(request, str(error))
            return problem(503, "ledger_unavailable", "The state of likes can not be read now.", retry_after=5)
        if record is None:
            return problem(404, "like_not_found", "Nothing is known of a like of this tweet by this account.")
        return answer(
            200,
            {
                "tweet_id": request.tweet_id,
                "account": request.account,
                "status": record.status,
                "reason": record.reason,
                "attempts": record.attempts,
                "requested_at": _moment(record.requested_at),
                "updated_at": _moment(record.updated_at),
                "aisa_request_id": record.request_id,
            },
        )

    return handle


def _location(request: LikeRequest) -> str:
    return f"/likes/{request.tweet_id}?account={request.account}"


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


handler = make_handler(build_api(os.environ))
