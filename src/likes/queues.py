"""The queue of likes to make, and the queue of those that can not be made."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from likes import aws
from likes.outcomes import Outcome
from likes.payload import LikeRequest

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import (
        ChangeMessageVisibilityBatchRequestEntryTypeDef,
        MessageAttributeValueTypeDef,
    )

LONGEST_VISIBILITY_SECONDS: Final = 43_000  # SQS allows 43,200 from the receive, some of which has passed


class QueueUnavailable(Exception):
    """SQS did not take what it was given. The message is a stable code, e.g. ``EndpointConnectionError``."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message in the worker's hands.

    Attributes:
        id: SQS's id of it.
        receipt: the handle to change it with.
        body: as it was sent.
        lane: the message group; empty in a standard queue.
        receives: how often it has been received, this time included.
        sent_at: when it was sent, Unix seconds.
    """

    id: str
    receipt: str
    body: str
    lane: str
    receives: int
    sent_at: float


class LikeQueue:
    """The queue that feeds the worker: FIFO, where the message group is the account, or a user's own of either kind."""

    def __init__(self, url: str, client: "SQSClient") -> None:
        self._url = url
        self._client = client

    def send(self, request: LikeRequest) -> str:
        """Queue a like and return its message's id.

        In a FIFO queue a second one for the same account and tweet is swallowed for five minutes.

        Raises:
            QueueUnavailable: SQS did not confirm it.
        """
        body = json.dumps({"tweet_id": request.tweet_id, "account": request.account})
        try:
            if self._url.endswith(".fifo"):
                answer = self._client.send_message(
                    QueueUrl=self._url,
                    MessageBody=body,
                    MessageGroupId=request.account,
                    MessageDeduplicationId=f"{request.account}:{request.tweet_id}",
                )
            else:
                answer = self._client.send_message(QueueUrl=self._url, MessageBody=body)
        except (BotoCoreError, ClientError) as error:
            raise QueueUnavailable(_code(error)) from None
        return answer["MessageId"]

    def hide(self, waits: Sequence[tuple[Message, int]]) -> dict[str, str]:
        """Hide each message for its seconds, all in one call; return the ids that SQS refused, each with its code.

        A refused one comes back when the queue's own visibility timeout is over: late, not lost.
        """
        entries: list[ChangeMessageVisibilityBatchRequestEntryTypeDef] = [
            {"Id": str(i), "ReceiptHandle": message.receipt, "VisibilityTimeout": seconds}
            for i, (message, seconds) in enumerate(waits)
        ]
        try:
            answer = self._client.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)
        except (BotoCoreError, ClientError) as error:
            return {message.id: _code(error) for message, _ in waits}
        return {waits[int(failure["Id"])][0].id: failure["Code"] for failure in answer.get("Failed", [])}


class RejectedQueue:
    """The queue of messages that can never be liked, each with its reason."""

    def __init__(self, url: str, client: "SQSClient") -> None:
        self._url = url
        self._client = client

    def send(self, message: Message, request: LikeRequest | None, outcome: Outcome) -> None:
        """Keep a message's body, unchanged, with the reason why it was rejected.

        Raises:
            QueueUnavailable: SQS did not confirm it, so the message must stay where it is.
        """
        attributes = {
            "Reason": outcome.reason,
            "Detail": outcome.detail,
            "Account": request.account if request else "",
            "TweetId": request.tweet_id if request else "",
            "SourceMessageId": message.id,
            "ReceiveCount": str(message.receives),
        }
        values: dict[str, MessageAttributeValueTypeDef] = {
            name: {"DataType": "String", "StringValue": value} for name, value in attributes.items() if value
        }
        try:
            self._client.send_message(
                QueueUrl=self._url,
                MessageBody=message.body,
                MessageAttributes=values,
                MessageGroupId=message.id,  # one group each, so that looking at some hides no others
                MessageDeduplicationId=message.id,
            )
        except (BotoCoreError, ClientError) as error:
            raise QueueUnavailable(_code(error)) from None


def boto_config() -> Config:
    """Return timeouts that leave time to answer a caller when SQS does not."""
    return aws.boto_config(connect=2, read=3)


def hurried_boto_config() -> Config:
    """Return timeouts for senders who wait three seconds at most, as Slack does."""
    return aws.boto_config(connect=0.5, read=0.9)


def _code(error: BotoCoreError | ClientError) -> str:
    return str(error.response["Error"]["Code"]) if isinstance(error, ClientError) else type(error).__name__
