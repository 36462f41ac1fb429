"""The rejected messages, looked at without being taken."""

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import batched
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

HELD_SECONDS: Final = 120
"""How long SQS keeps messages for us; nobody sees them if likectl dies in the middle, until this is over."""

_MOST: Final = 10  # SQS's limit for one call


@dataclass(frozen=True, slots=True)
class Rejected:
    """A rejected message.

    Attributes:
        id: SQS's id of it.
        receipt: the handle to delete or release it with.
        body: as it was sent.
        lane: its lane, where SQS itself moved it here; else empty, and the account tells.
        rejected_at: Unix seconds.
        reason: stable code; ``unknown`` for what SQS itself moved here.
        detail: a sentence for a person.
        account: empty where the body names none.
        tweet_id: empty where the body names none.
        source_message_id: the id that it had in the queue of likes.
        receive_count: how often it had been received there.
    """

    id: str
    receipt: str
    body: str
    lane: str
    rejected_at: float
    reason: str
    detail: str
    account: str
    tweet_id: str
    source_message_id: str
    receive_count: str

    @classmethod
    def of(cls, message: "MessageTypeDef") -> Self:
        """Read a message that was received with all its attributes."""
        values = {name: value.get("StringValue", "") for name, value in message.get("MessageAttributes", {}).items()}
        attributes = message.get("Attributes", {})
        return cls(
            message["MessageId"],
            message["ReceiptHandle"],
            message["Body"],
            "" if "Reason" in values else attributes.get("MessageGroupId", ""),
            int(attributes.get("SentTimestamp", "0")) / 1000,
            values.get("Reason", "unknown"),
            values.get("Detail", ""),
            values.get("Account", ""),
            values.get("TweetId", ""),
            values.get("SourceMessageId", ""),
            values.get("ReceiveCount", ""),
        )

    def to_json(self) -> dict[str, Any]:
        """Return what a program gets to see."""
        return {
            "message_id": self.id,
            "rejected_at": self.rejected_at,
            "reason": self.reason,
            "detail": self.detail,
            "account": self.account or None,
            "tweet_id": self.tweet_id or None,
            "source_message_id": self.source_message_id or None,
            "receive_count": int(self.receive_count) if self.receive_count.isdigit() else None,
            "body": self.body,
        }


class RejectedMessages:
    """Messages in our hands. Leaving the context gives back all that were not deleted, whatever happened.

    A FIFO queue hands out nothing of a group behind messages that somebody holds. What the worker rejects has a
    group of its own; of what SQS itself moved, ten of each lane can be seen at once.

    Parameters:
        client: the SQS client.
        url: the rejected queue.
    """

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self._url = url
        self._held: dict[str, tuple[float, Rejected]] = {}  # by id, with the time of the receive

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(BotoCoreError, ClientError):  # then they come back by themselves
            self._release()

    def receive(self) -> Iterator[list[Rejected]]:
        """Yield the messages, ten at a time at most, until none are left to see or our time with the first is over."""
        while not self._time_is_over():
            now = time.monotonic()
            answer = self._client.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=_MOST,
                VisibilityTimeout=HELD_SECONDS,
                WaitTimeSeconds=1,  # asks all of SQS's servers
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["MessageGroupId", "SentTimestamp"],
            )
            received = [Rejected.of(message) for message in answer.get("Messages", [])]
            if not received:
                return
            self._held |= {message.id: (now, message) for message in received}
            yield received

    def delete(self, messages: Sequence[Rejected]) -> int:
        """Delete messages for good; return how many SQS confirmed. The others come back."""
        deleted = 0
        for some in batched(messages, _MOST, strict=False):
            answer = self._client.delete_message_batch(
                QueueUrl=self._url,
                Entries=[{"Id": str(i), "ReceiptHandle": message.receipt} for i, message in enumerate(some)],
            )
            for entry in answer.get("Successful", []):
                del self._held[some[int(entry["Id"])].id]
                deleted += 1
        return deleted

    def _time_is_over(self) -> bool:
        oldest, _ = next(iter(self._held.values()), (math.inf, None))
        return time.monotonic() - oldest > HELD_SECONDS * 0.8

    def _release(self) -> None:
        messages = [message for _, message in self._held.values()]
        for some in batched(messages, _MOST, strict=False):
            self._client.change_message_visibility_batch(
                QueueUrl=self._url,
                Entries=[
                    {"Id": str(i), "ReceiptHandle": message.receipt, "VisibilityTimeout": 0}
                    for i, message in enumerate(some)
                ],
            )
