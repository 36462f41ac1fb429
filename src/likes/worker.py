"""The worker's handler: a batch from SQS in, the messages that stay in the queue out."""

import os
from collections.abc import Callable
from itertools import groupby
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from likes.lanes import TRIGGER, LaneWorker
from likes.observability import logger, metrics
from likes.queues import Message
from likes.wiring import build_worker


def make_handler(worker: LaneWorker) -> Callable[[dict[str, Any], LambdaContext], dict[str, Any]]:
    """Return the Lambda handler over `worker`. It answers ``batchItemFailures`` and raises for no message's sake."""

    @logger.inject_lambda_context
    @metrics.log_metrics
    def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        metrics.add_dimension("trigger", TRIGGER)
        messages = sorted((_message(record) for record in event["Records"]), key=_lane)
        staying = [
            message
            for _, lane in groupby(messages, key=_lane)
            for message in worker.work(list(lane), lambda: context.get_remaining_time_in_millis() / 1000)
        ]
        return {"batchItemFailures": [{"itemIdentifier": message.id} for message in staying]}

    return handle


def _message(record: dict[str, Any]) -> Message:
    attributes = record["attributes"]
    is_fifo = record["eventSourceARN"].endswith(".fifo")  # a standard queue may carry groups, too, but has no lanes
    return Message(
        id=record["messageId"],
        receipt=record["receiptHandle"],
        body=record["body"],
        lane=attributes["MessageGroupId"] if is_fifo else "",
        receives=int(attributes["ApproximateReceiveCount"]),
        sent_at=int(attributes["SentTimestamp"]) / 1000,
    )


def _lane(message: Message) -> str:
    return message.lane


handler = make_handler(build_worker(os.environ))
