"""The webhook function's handler: ``POST /webhooks/{source}`` proves its sender and queues the like.

It can not read the AIsa key, and needs nothing of what makes likes: its package is the smallest.
"""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl

import boto3
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.utilities.typing import LambdaContext
from jmespath.exceptions import JMESPathError

from likes import queues, secrets
from likes.http import Answer, Event, answer, body_of
from likes.observability import logger, metrics, report_queue_failure, report_webhook
from likes.payload import InvalidPayload, LikeRequest, read_json, read_tweet
from likes.problems import problem
from likes.queues import LikeQueue, QueueUnavailable
from likes.secrets import StoredSecret
from likes.settings import text
from likes.signatures import Unproven
from likes.sources import Source, Sources, SourceShut

TRIGGER: Final = "webhook"
LONGEST_BODY: Final = 262_144
MOST_FIELDS: Final = 1_000

_RETRY_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class WebhookParts:
    """What the handler works with."""

    sources: Sources
    queue: LikeQueue


def build_webhooks(environ: Mapping[str, str], *, clock: Callable[[], float] = time.time) -> WebhookParts:
    """Build the parts of the webhook function.

    Raises:
        InvalidSetting: an environment variable is missing or malformed.
    """
    client = boto3.client("secretsmanager", config=secrets.boto_config())
    sources = Sources(StoredSecret(text(environ, "WEBHOOK_SECRET_ID"), client), clock=clock)
    queue = LikeQueue(text(environ, "LIKE_QUEUE_URL"), boto3.client("sqs", config=queues.hurried_boto_config()))
    return WebhookParts(sources, queue)


def make_handler(parts: WebhookParts) -> Callable[[Event, LambdaContext], Answer]:
    """Return the Lambda handler over `parts`: an API Gateway event (format 2.0) in, an answer out; it never raises."""

    @logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_HTTP)
    @metrics.log_metrics
    def handle(event: Event, _context: LambdaContext) -> Answer:
        metrics.add_dimension("trigger", TRIGGER)
        source: Source | None = None
        try:
            body = body_of(event)
            if len(body) > LONGEST_BODY:
                return _refuse(413, "body_too_large", f"A body has at most {LONGEST_BODY:,} bytes.")
            source = parts.sources.authenticate(event["pathParameters"]["source"], event["headers"], body)
            request = LikeRequest(_tweet(source, event["headers"], body), source.account)
            message_id = parts.queue.send(request)
        except Unproven as error:
            return _refuse(401, "not_authenticated", "The source or its signature is not valid.", reason=str(error))
        except InvalidPayload as error:
            return _explain(source, error)
        except SourceShut as error:
            return _refuse(
                503,
                "source_unavailable",
                "This can not be verified now.",
                reason=str(error),
                retry_after=_RETRY_SECONDS,
            )
        except QueueUnavailable as error:
            report_queue_failure("send_failed", str(error), [])
            detail = "The queue did not take the like. Send it again."
            return _refuse(503, "queue_unavailable", detail, source=source, retry_after=_RETRY_SECONDS)
        except Exception:  # noqa: BLE001 - the sender gets a code, and the operator the traceback
            logger.exception("internal_error")
            return _refuse(500, "internal_error", "A defect in the service. Its log has the details.", source=source)
        report_webhook("accepted", "queued", source=source.name, request=request, message_id=message_id)
        if source.answers_a_person:
            return _tell(f"Tweet {request.tweet_id} is queued and will be liked by {request.account}.")
        return answer(202, {"queued": True, "tweet_id": request.tweet_id, "account": request.account})

    return handle


def _tweet(source: Source, headers: Mapping[str, str], body: bytes) -> str:
    try:
        found = source.tweet.search(_read(headers, body))
    except JMESPathError:
        found = None
    if source.answers_a_person and isinstance(found, str):
        found = found.strip().removeprefix("<").partition(">")[0].partition("|")[0]  # as Slack writes a link
    return read_tweet(found)


def _read(headers: Mapping[str, str], body: bytes) -> Any:
    """Return the value in a JSON body, or the fields of a form. An object is JSON, whatever curl calls it."""
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/x-www-form-urlencoded" or body.lstrip().startswith(b"{"):
        return read_json(body)
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError:
        raise InvalidPayload("invalid_form", "The body is not a form that can be read.") from None


def _explain(source: Source | None, error: InvalidPayload) -> Answer:
    refused = _refuse(400, error.code, error.detail, source=source)
    return _tell(error.detail) if source and source.answers_a_person else refused


def _refuse(
    status: int,
    code: str,
    detail: str,
    *,
    source: Source | None = None,
    reason: str = "",
    retry_after: float | None = None,
) -> Answer:
    """Report a refusal and return its answer; `reason` is what the operator gets to see in the place of `code`."""
    report_webhook("refused", reason or code, source=source.name if source else None)
    return problem(status, code, detail, retry_after=retry_after)


def _tell(sentence: str) -> Answer:
    """Return what Slack shows to the person who typed the command, and to nobody else."""
    return answer(200, {"response_type": "ephemeral", "text": sentence})


handler = make_handler(build_webhooks(os.environ))
