"""What Lambda does between SQS and a function: receives, invokes, and deletes what did not fail."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

BATCH_SIZE: Final = 10


@dataclass(frozen=True)
class Poll:
    """What one poll did.

    Attributes:
        event: what the function was invoked with.
        answer: what it answered; None when it died.
    """

    event: dict[str, Any]
    answer: dict[str, Any] | None


def poll(
    client: "SQSClient", queue_url: str, queue_arn: str, invoke: Callable[[dict[str, Any]], dict[str, Any] | None]
) -> Poll | None:
    """Receive a batch, invoke the function with it, and delete what it does not report as failed.

    As Lambda does it: a function that dies, or reports an id that was not in the batch, has failed with everything.

    Returns:
        what was done, or None when there was nothing to receive.
    """
    received = client.receive_message(
        QueueUrl=queue_url,
        MaxNumberOfMessages=BATCH_SIZE,
        MessageSystemAttributeNames=["All"],
        MessageAttributeNames=["All"],
    ).get("Messages", [])
    if not received:
        return None
    event = {
        "Records": [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": message["Attributes"],
                "messageAttributes": {},
                "md5OfBody": message["MD5OfBody"],
                "eventSource": "aws:sqs",
                "eventSourceARN": queue_arn,
                "awsRegion": "us-east-1",
            }
            for message in received
        ]
    }
    answer = invoke(event)
    failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]} if answer is not None else set()
    if answer is None or not failed <= {message["MessageId"] for message in received}:
        return Poll(event, answer)
    done = [message["ReceiptHandle"] for message in received if message["MessageId"] not in failed]
    if done:
        entries = [{"Id": str(i), "ReceiptHandle": receipt} for i, receipt in enumerate(done)]
        with suppress(BotoCoreError, ClientError):  # what is not deleted comes back
            client.delete_message_batch(QueueUrl=queue_url, Entries=entries)  # type: ignore[arg-type]  # plain dicts
    return Poll(event, answer)
