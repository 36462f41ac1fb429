"""A queue server that speaks SQS's protocol and keeps any clock's time.

FIFO groups, visibility timeouts, receive counts, deduplication, redrive and the 12-hour limit are those that AWS
documents. Emulators keep real time only, in which nobody can watch a wait of three days.
"""

import hashlib
import heapq
import itertools
import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from local.serving import Handler, LoopbackServer

DEDUPLICATION_SECONDS: Final = 300
LONGEST_VISIBILITY_SECONDS: Final = 43_200
ACCOUNT_ID: Final = "000000000000"

_NOT_TEXT: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # what XML 1.0 leaves out


class Refused(Exception):
    """A call that SQS answers with an error. The message is SQS's code, e.g. ``InvalidParameterValue``."""


@dataclass(eq=False)
class QueuedMessage:
    """A message in a queue. Times are Unix seconds."""

    id: str
    body: str
    group: str
    attributes: dict[str, Any]
    sent_at: float
    receives: int = 0
    received_at: float = 0.0
    hidden_until: float = 0.0
    receipt: str = ""


@dataclass(eq=False)
class _Group:
    messages: dict[str, QueuedMessage] = field(default_factory=dict)  # by id, in order
    ready_at: float = 0.0


class Queue:
    """One queue. A group is handed out only when none of its messages is in flight.

    In a standard queue each message is a group of its own.
    """

    def __init__(self, name: str, clock: Callable[[], float], attributes: dict[str, str]) -> None:
        self.name = name
        self.attributes = attributes
        self.dead_letter_queue: Queue | None = None
        self.max_receives = 0
        self._clock = clock
        self._fifo = name.endswith(".fifo")
        self._groups: dict[str, _Group] = {}
        self._ready: list[tuple[float, int, str]] = []
        self._tickets = itertools.count()
        self._sent: dict[str, tuple[float, str]] = {}
        self._in_flight: dict[str, QueuedMessage] = {}

    @property
    def arn(self) -> str:
        """The queue's ARN, as events name it."""
        return f"arn:aws:sqs:us-east-1:{ACCOUNT_ID}:{self.name}"

    @property
    def messages(self) -> list[QueuedMessage]:
        """All that are in the queue, hidden ones included, in order within each group."""
        return [message for group in self._groups.values() for message in group.messages.values()]

    def counts(self) -> dict[str, str]:
        """Return how many messages can be received and how many are hidden, under SQS's names."""
        now = self._clock()
        hidden = sum(message.hidden_until > now for message in self.messages)
        return {
            "ApproximateNumberOfMessages": str(len(self.messages) - hidden),
            "ApproximateNumberOfMessagesNotVisible": str(hidden),
        }

    @property
    def next_ready_at(self) -> float | None:
        """When the next message can be received, Unix seconds; None when the queue is empty."""
        while self._ready:
            ready_at, _, name = self._ready[0]
            group = self._groups.get(name)
            if group and group.messages and group.ready_at == ready_at:
                return ready_at
            heapq.heappop(self._ready)
        return None

    def send(self, body: str, group: str, deduplication_id: str, attributes: dict[str, Any]) -> str:
        """Add a message and return its id, or that of the one it repeats."""
        now = self._clock()
        if self._fifo:
            if not group:
                raise Refused("MissingParameter")
            deduplication_id = deduplication_id or hashlib.sha256(body.encode()).hexdigest()
            sent_at, message_id = self._sent.get(deduplication_id, (-DEDUPLICATION_SECONDS * 2.0, ""))
            if now - sent_at < DEDUPLICATION_SECONDS:
                return message_id
        message_id = f"m-{next(self._tickets):08d}-{self.name}"
        message = QueuedMessage(message_id, body, group, attributes, sent_at=now)
        if self._fifo:
            self._sent[deduplication_id] = now, message_id
        name = group if self._fifo else message_id
        queue_group = self._groups.setdefault(name, _Group())
        queue_group.messages[message_id] = message
        if len(queue_group.messages) == 1:
            self._set_ready(name, queue_group, now)
        return message_id

    def receive(self, most: int, visibility: float) -> list[QueuedMessage]:
        """Hand out up to `most` messages and hide them for `visibility` seconds."""
        now = self._clock()
        received: list[QueuedMessage] = []
        while len(received) < most and (ready_at := self.next_ready_at) is not None and ready_at <= now:
            _, _, name = heapq.heappop(self._ready)
            group = self._groups[name]
            for message in list(group.messages.values())[: most - len(received)]:
                if self.dead_letter_queue and message.receives >= self.max_receives:
                    del group.messages[message.id]
                    self.dead_letter_queue.send(message.body, message.group, message.id, message.attributes)
                    continue
                message.receives += 1
                message.received_at = now
                message.hidden_until = now + visibility
                message.receipt = f"r-{message.id}-{message.receives}"
                self._in_flight[message.receipt] = message
                received.append(message)
            self._settle(name, group)
        return received

    def delete(self, receipt: str) -> None:
        """Remove a received message."""
        message = self._in_flight.pop(receipt, None)
        if message is None or message.receipt != receipt:
            return
        name = message.group if self._fifo else message.id
        group = self._groups[name]
        group.messages.pop(message.id, None)
        self._settle(name, group)

    def change_visibility(self, receipt: str, seconds: float) -> None:
        """Hide a received message for `seconds` from now.

        Raises:
            Refused: it is not in flight, or would stay hidden for more than 12 hours from its receive.
        """
        message, now = self._in_flight.get(receipt), self._clock()
        if message is None or message.receipt != receipt or message.hidden_until <= now:
            raise Refused("MessageNotInflight")
        if now + seconds - message.received_at > LONGEST_VISIBILITY_SECONDS:
            raise Refused("InvalidParameterValue")
        message.hidden_until = now + seconds
        name = message.group if self._fifo else message.id
        self._settle(name, self._groups[name])

    def _settle(self, name: str, group: _Group) -> None:
        if group.messages:
            self._set_ready(name, group, max(message.hidden_until for message in group.messages.values()))
        else:
            del self._groups[name]

    def _set_ready(self, name: str, group: _Group, ready_at: float) -> None:
        group.ready_at = ready_at
        heapq.heappush(self._ready, (ready_at, next(self._tickets), name))


class QueueServer(LoopbackServer):
    """Serves queues on loopback until it is closed.

    Parameters:
        clock: Unix seconds.

    Attributes:
        url: for ``AWS_ENDPOINT_URL_SQS``.
        refuse: asked before each call, e.g. ``DeleteMessageBatch``, and each entry of a batch, e.g.
            ``DeleteMessageEntry``; true makes it fail.
        calls: actions in the order in which they came.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.refuse: Callable[[str], bool] = lambda _action: False
        self.calls: list[str] = []
        self._clock = clock
        self._queues: dict[str, Queue] = {}
        self._lock = threading.Lock()
        super().__init__(_Handler)

    def create(self, name: str, **attributes: str) -> str:
        """Create a queue and return its URL."""
        self._queues[name] = Queue(name, self._clock, attributes)
        return f"{self.url}/{ACCOUNT_ID}/{name}"

    def queue(self, url_or_name: str) -> Queue:
        """Return a queue to look into."""
        try:
            return self._queues[url_or_name.rpartition("/")[2]]
        except KeyError:
            raise Refused("QueueDoesNotExist") from None

    def answer(self, action: str, request: dict[str, Any]) -> dict[str, Any]:
        """Carry one call out.

        Raises:
            Refused: SQS would answer with an error.
        """
        with self._lock:
            self.calls.append(action)
            if action.endswith("Batch"):
                self._refuse(action)
                return self._batch(action.removesuffix("Batch"), request)
            return self._one(action, self.queue(request["QueueUrl"]), request)

    def _batch(self, action: str, request: dict[str, Any]) -> dict[str, Any]:
        queue = self.queue(request["QueueUrl"])
        answer: dict[str, list[dict[str, Any]]] = {"Successful": [], "Failed": []}
        for entry in request["Entries"]:
            try:
                answer["Successful"].append({"Id": entry["Id"], **self._one(f"{action}Entry", queue, entry)})
            except Refused as error:
                is_senders = str(error) == "InvalidMessageContents"
                answer["Failed"].append({"Id": entry["Id"], "Code": str(error), "SenderFault": is_senders})
        return answer

    def _refuse(self, action: str) -> None:
        if self.refuse(action):
            raise Refused("ServiceUnavailable")

    def _one(self, action: str, queue: Queue, request: dict[str, Any]) -> dict[str, Any]:
        self._refuse(action)
        match action.removesuffix("Entry"):
            case "SendMessage":
                body = request["MessageBody"]
                if _NOT_TEXT.search(body):
                    raise Refused("InvalidMessageContents")
                message_id = queue.send(
                    body,
                    request.get("MessageGroupId", ""),
                    request.get("MessageDeduplicationId", ""),
                    request.get("MessageAttributes", {}),
                )
                return {"MessageId": message_id, "MD5OfMessageBody": _md5(body)}
            case "ReceiveMessage":
                visibility = request.get("VisibilityTimeout", queue.attributes.get("VisibilityTimeout", "30"))
                messages = queue.receive(request.get("MaxNumberOfMessages", 1), float(visibility))
                return {"Messages": [_received(message) for message in messages]}
            case "GetQueueAttributes":
                return {"Attributes": queue.attributes | queue.counts()}
            case "DeleteMessage":
                queue.delete(request["ReceiptHandle"])
                return {}
            case "ChangeMessageVisibility":
                queue.change_visibility(request["ReceiptHandle"], float(request["VisibilityTimeout"]))
                return {}
        raise Refused("UnsupportedOperation")


class _Handler(Handler):
    owner: QueueServer

    def do_POST(self) -> None:
        action = self.headers["X-Amz-Target"].rpartition(".")[2]
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        try:
            status, answer = 200, self.owner.answer(action, request)
        except Refused as error:
            status, answer = 400, {"__type": f"com.amazonaws.sqs#{error}", "message": str(error)}
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _received(message: QueuedMessage) -> dict[str, Any]:
    attributes = {
        "ApproximateReceiveCount": str(message.receives),
        "SentTimestamp": str(round(message.sent_at * 1000)),
    }
    if message.group:
        attributes["MessageGroupId"] = message.group
    return {
        "MessageId": message.id,
        "ReceiptHandle": message.receipt,
        "Body": message.body,
        "MD5OfBody": _md5(message.body),
        "Attributes": attributes,
        "MessageAttributes": message.attributes,
    }


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
