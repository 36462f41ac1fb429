"""What the functions call: AIsa's simulator, and AWS as far as a benchmark needs it, with answers that cost nothing.

All of them run in a process of their own, so that their time is not the functions'.
"""

import asyncio
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from local.aisa import AisaSimulator
from local.faults import Fault
from local.sqs import QueueServer

LATENCY_SECONDS: Final = 0.05
BACKLOGS: Final = (100, 10_000, 100_000)
ACCOUNTS: Final = 3
HMAC_SECRET: Final = "the-benchmarks-own-secret"  # noqa: S105 - made up

KEY: Final = "sk-benchmark"
_SOURCE: Final = {
    "scheme": "hmac",
    "header": "X-Hub-Signature-256",
    "prefix": "sha256=",
    "secrets": [HMAC_SECRET],
    "tweet": "client_payload.tweet",
}
_SECRETS: Final = {
    "aisa": json.dumps({"default": KEY} | {f"account-{number}": KEY for number in range(10)}),
    "webhooks": json.dumps({"github": _SOURCE}),
}


@dataclass(frozen=True)
class Servers:
    """Base addresses: of AWS, of AIsa, of an AIsa that takes 50 ms, and of queues that hold each of `BACKLOGS`."""

    aws: str
    aisa: str
    slow_aisa: str
    queues: str

    def environ(self, *, slow: bool = False) -> dict[str, str]:
        """Return what the functions need to know."""
        return {
            "AWS_ENDPOINT_URL": self.aws,
            "AISA_BASE_URL": self.slow_aisa if slow else self.aisa,
            "AISA_SECRET_ID": "aisa",
            "WEBHOOK_SECRET_ID": "webhooks",
            "STATE_TABLE": "state",
            "LIKE_QUEUE_URL": f"{self.aws}/000000000000/likes.fifo",
            "REJECTED_QUEUE_URL": f"{self.aws}/000000000000/rejected.fifo",
            "POWERTOOLS_SERVICE_NAME": "tweet-likes",
        }

    def backlog_url(self, size: int) -> str:
        """Return the URL of the queue that holds `size` messages."""
        return f"{self.queues}/000000000000/backlog-{size}.fifo"


@contextmanager
def servers() -> Iterator[Servers]:
    """Run them all in one process."""
    with subprocess.Popen(
        [sys.executable, "-m", "bench.servers"],
        cwd=Path(__file__).parents[1],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout  # noqa: S101 - for the type checker
        try:
            yield Servers(**json.loads(process.stdout.readline()))
        finally:
            process.terminate()


class _Aws(asyncio.Protocol):
    """Answers each request that has come in whole. It looks at no more of it than it must."""

    def __init__(self) -> None:
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, _, body = self._received.partition(b"\r\n\r\n")
        headers = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
        if b"content-length" in headers and len(body) >= int(headers[b"content-length"]):
            self._received = b""
            action = headers[b"x-amz-target"].rpartition(b".")[2].decode()
            answer = json.dumps(_answer(action, json.loads(body))).encode()
            self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(answer), answer))


def _answer(action: str, request: dict[str, Any]) -> dict[str, Any]:
    match action:
        case "getsecretvalue":
            return {"Name": request["SecretId"], "SecretString": _SECRETS[request["SecretId"]]}
        case "sendmessage":
            digest = hashlib.md5(request["MessageBody"].encode(), usedforsecurity=False).hexdigest()
            return {"MessageId": "m-1", "MD5OfMessageBody": digest}
    return {}


def _simulator() -> AisaSimulator:
    return AisaSimulator({KEY: "default"}, likes_per_window=10**9, likes_per_day=10**9)


def _fill(queues: QueueServer) -> None:
    for size in BACKLOGS:
        queue = queues.queue(queues.create(f"backlog-{size}.fifo", VisibilityTimeout="360"))
        for number in range(size):
            account = f"account-{number % ACCOUNTS}"
            queue.send(json.dumps({"tweet_id": str(number + 1), "account": account}), account, f"d-{number}", {})


async def _serve() -> None:
    """Serve until this process is told to end."""
    with ExitStack() as stack:
        aisa, slow = (stack.enter_context(_simulator()) for _ in range(2))
        liked = json.dumps({"code": 200, "data": {"liked": True}}).encode()
        slow.misbehave(Fault(200, liked, delay=LATENCY_SECONDS), times=float("inf"))
        queues = stack.enter_context(QueueServer())
        _fill(queues)
        aws = await asyncio.get_running_loop().create_server(_Aws, "127.0.0.1", 0)
        address = f"http://127.0.0.1:{aws.sockets[0].getsockname()[1]}"
        print(json.dumps(asdict(Servers(address, aisa.url, slow.url, queues.url))), flush=True)
        await aws.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve())
