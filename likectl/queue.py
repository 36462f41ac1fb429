"""Messages on their way into the queue of likes: in batches, each until SQS has confirmed it."""

import json
import random
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from likes.payload import LikeRequest

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

MOST_ENTRIES: Final = 10  # SQS's limits for one batch
MOST_BYTES: Final = 262_144

_TRIES: Final = 6
_PAUSE_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class Backlog:
    """How much is in a queue.

    Attributes:
        waiting: messages that can be received.
        hidden: messages that are being worked on, or that wait for their time.
    """

    waiting: int
    hidden: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.waiting + self.hidden


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to send. The group and the deduplication id are for FIFO queues only."""

    body: str
    group: str
    deduplication_id: str

    @classmethod
    def of(cls, request: LikeRequest) -> "Outgoing":
        """Return the message that asks for a like, the same as the functions send."""
        body = json.dumps({"tweet_id": request.tweet_id, "account": request.account})
        return cls(body, request.account, f"{request.account}:{request.tweet_id}")


def backlog(client: "SQSClient", url: str) -> Backlog:
    """Return how much is in a queue, as far as SQS knows: its numbers are approximate and up to a minute old."""
    numbers = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    hidden = int(numbers["ApproximateNumberOfMessagesNotVisible"])
    delayed = int(numbers.get("ApproximateNumberOfMessagesDelayed", "0"))
    return Backlog(int(numbers["ApproximateNumberOfMessages"]), hidden + delayed)


def batches[T: Outgoing](messages: Iterable[T]) -> Iterator[list[T]]:
    """Divide messages into batches that SQS takes in one call, in order."""
    batch: list[T] = []
    size = 0
    for message in messages:
        length = len(message.body.encode())
        if batch and (len(batch) == MOST_ENTRIES or size + length > MOST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(message)
        size += length
    if batch:
        yield batch


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a batch, by the messages' places in it.

    Attributes:
        ids: the message id of each that SQS has confirmed.
        refused: SQS's code for each that it did not take.
    """

    ids: dict[int, str]
    refused: dict[int, str]


def send(client: "SQSClient", url: str, batch: Sequence[Outgoing]) -> Sent:
    """Send a batch. What fails for a reason that may pass is sent again, for about six seconds."""
    is_fifo = url.endswith(".fifo")
    left, failed, sent = dict(enumerate(batch)), dict[int, str](), Sent({}, {})
    for attempt in range(_TRIES):
        if attempt:
            time.sleep(_PAUSE_SECONDS * 2**attempt * random.uniform(0.75, 1.25))  # noqa: S311 - jitter, not a secret
        answer = client.send_message_batch(
            QueueUrl=url, Entries=[_entry(str(place), message, is_fifo=is_fifo) for place, message in left.items()]
        )
        sent.ids.update({int(entry["Id"]): entry["MessageId"] for entry in answer.get("Successful", [])})
        failures = answer.get("Failed", [])
        failed = {int(failure["Id"]): failure["Code"] for failure in failures if not failure["SenderFault"]}
        sent.refused.update({int(failure["Id"]): failure["Code"] for failure in failures if failure["SenderFault"]})
        left = {place: left[place] for place in failed}
        if not left:
            break
    return Sent(sent.ids, sent.refused | failed)


def _entry(entry_id: str, message: Outgoing, *, is_fifo: bool) -> "SendMessageBatchRequestEntryTypeDef":
    entry: SendMessageBatchRequestEntryTypeDef = {"Id": entry_id, "MessageBody": message.body}
    if is_fifo:
        entry["MessageGroupId"] = message.group
        entry["MessageDeduplicationId"] = message.deduplication_id
    return entry
