"""The world that the tests run in: servers on loopback, a clock that stands still, and the real handlers between."""

import base64
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

import boto3
import pytest
from hypothesis import settings

from likes.aisa import Patience
from local.aisa import AisaSimulator
from local.aws import AwsServer
from local.clock import VirtualClock
from local.poller import Poll, poll
from local.sqs import QueuedMessage, QueueServer
from tests.senders import SOURCES

KEY = "sk-the-owner-of-this-key-is-default"
BRAND_KEY = "sk-the-owner-of-this-key-is-brand-a"
TWEET = "1346889436626259968"
PATIENCE = Patience(read=1.0, retry=0.02)

# Hypothesis: a few examples of each property in every run, thousands in `make fuzz`.
settings.register_profile("short", max_examples=50, deadline=None)
settings.register_profile("long", max_examples=3_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "short"))

_aws = AwsServer()


def pytest_configure() -> None:
    """Point everything at the AWS emulator, before any handler is imported; but a stack of that name is AWS's own."""
    if "STACK_NAME" in os.environ:
        return
    os.environ.update(
        {
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": _aws.url,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AISA_BASE_URL": "http://127.0.0.1:1",
            "AISA_SECRET_ID": "aisa",
            "WEBHOOK_SECRET_ID": "webhooks",
            "STATE_TABLE": "state",
            "LIKE_QUEUE_URL": "http://127.0.0.1:1/000000000000/likes.fifo",
            "REJECTED_QUEUE_URL": "http://127.0.0.1:1/000000000000/rejected.fifo",
            "POWERTOOLS_SERVICE_NAME": "tweet-likes",
        }
    )


def pytest_unconfigure() -> None:
    """Stop it."""
    _aws.close()


@cache
def aws(service: str) -> Any:
    """Return a client of the emulator's `service`."""
    make: Callable[..., Any] = boto3.client
    return make(service)


@dataclass
class Context:
    """What Lambda tells a function of its invocation."""

    seconds: float = 60.0
    function_name: str = "likes"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:000000000000:function:likes"
    aws_request_id: str = "52fdfc07-2182-454f-963f-5f0f9a621d72"

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1000)


@dataclass
class Service:
    """The service in the midst of its servers. Its clock stands still unless a test moves it."""

    clock: VirtualClock
    aisa: AisaSimulator
    sqs: QueueServer
    environ: dict[str, str]
    queue_url: str
    rejected_url: str
    context: Context = field(default_factory=Context)

    def __post_init__(self) -> None:
        self.sqs_client = boto3.client("sqs", endpoint_url=self.sqs.url)
        self.secrets = aws("secretsmanager")
        self.dynamodb = aws("dynamodb")

    def restart(self, **environ: str) -> None:
        """Start new execution environments, with other settings where given."""
        self.environ |= environ
        for function in ("api", "webhooks", "worker"):
            self.__dict__.pop(function, None)

    @cached_property
    def api(self) -> Callable[..., dict[str, Any]]:
        """The HTTP function's handler."""
        from likes import api, wiring

        return api.make_handler(wiring.build_api(self.environ, clock=self.clock, patience=PATIENCE), clock=self.clock)

    @cached_property
    def webhooks(self) -> Callable[..., dict[str, Any]]:
        """The webhook function's handler."""
        from likes import webhooks

        return webhooks.make_handler(webhooks.build_webhooks(self.environ, clock=self.clock))

    @cached_property
    def worker(self) -> Callable[..., dict[str, Any]]:
        """The worker's handler."""
        from likes import wiring, worker

        return worker.make_handler(wiring.build_worker(self.environ, clock=self.clock, patience=PATIENCE))

    def set_secret(self, value: str) -> None:
        """Put `value` into the AIsa secret."""
        self.secrets.put_secret_value(SecretId=self.environ["AISA_SECRET_ID"], SecretString=value)

    def set_sources(self, sources: Any) -> None:
        """Put `sources` into the webhook secret."""
        value = sources if isinstance(sources, str) else json.dumps(sources)
        self.secrets.put_secret_value(SecretId=self.environ["WEBHOOK_SECRET_ID"], SecretString=value)

    def http(self, event: dict[str, Any]) -> dict[str, Any]:
        """Invoke the function behind the event's route and return its answer, the body parsed as ``json``."""
        from likes.observability import metrics

        function = self.webhooks if event.get("routeKey") == "POST /webhooks/{source}" else self.api
        answer: dict[str, Any] = function(event, self.context)
        metrics.clear_metrics()  # here one process is two functions, each with a dimension of its own
        return answer | {"json": json.loads(answer["body"])}

    def post(self, payload: Any, **headers: str) -> dict[str, Any]:
        """Send ``POST /likes``."""
        body = payload if isinstance(payload, str) else json.dumps(payload)
        return self.http(
            {"routeKey": "POST /likes", "headers": headers, "body": body, "requestContext": {"requestId": "r"}}
        )

    def hook(self, source: str, body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
        """Send ``POST /webhooks/{source}``, base64-encoded as API Gateway does it for what may not be text."""
        return self.http(
            {
                "routeKey": "POST /webhooks/{source}",
                "headers": {name.lower(): value for name, value in headers.items()},
                "pathParameters": {"source": source},
                "body": base64.b64encode(body).decode(),
                "isBase64Encoded": True,
                "requestContext": {"requestId": "r"},
            }
        )

    def get(self, tweet_id: str, **parameters: str) -> dict[str, Any]:
        """Send ``GET /likes/{tweet_id}``."""
        return self.http(
            {
                "routeKey": "GET /likes/{tweet_id}",
                "headers": {},
                "pathParameters": {"tweet_id": tweet_id},
                "queryStringParameters": parameters,
                "requestContext": {"requestId": "r"},
            }
        )

    def send(self, payload: Any, *, group: str = "default", queue_url: str | None = None) -> str:
        """Put a message into the queue and return its id."""
        body = payload if isinstance(payload, str) else json.dumps(payload)
        url = queue_url or self.queue_url
        if url.endswith(".fifo"):
            return self.sqs_client.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=group)["MessageId"]
        return self.sqs_client.send_message(QueueUrl=url, MessageBody=body)["MessageId"]

    def poll(self) -> Poll | None:
        """Let Lambda take one batch to the worker."""
        return poll(
            self.sqs_client,
            self.environ["LIKE_QUEUE_URL"],
            self.sqs.queue(self.environ["LIKE_QUEUE_URL"]).arn,
            lambda event: self.worker(event, self.context),
        )

    def drain(self, *, seconds: float = float("inf")) -> int:
        """Poll, letting time pass where all must wait, until the queue is empty or `seconds` are over; count polls."""
        polls, end = 0, self.clock() + seconds
        while (ready_at := self.sqs.queue(self.environ["LIKE_QUEUE_URL"]).next_ready_at) is not None:
            if ready_at > end:
                self.clock.advance_to(end)
                break
            self.clock.advance_to(ready_at)
            self.poll()
            polls += 1
        return polls

    @property
    def waiting(self) -> list[QueuedMessage]:
        """The messages in the queue."""
        return self.sqs.queue(self.environ["LIKE_QUEUE_URL"]).messages

    @property
    def rejected(self) -> list[dict[str, str]]:
        """The rejected messages' attributes, and their bodies as ``body``."""
        return [
            {name: value["StringValue"] for name, value in message.attributes.items()} | {"body": message.body}
            for message in self.sqs.queue(self.rejected_url).messages
        ]


class _CurrentStdout:
    """Writes to whatever stdout is at the time; Powertools' logger would hold on to the one that it found at import."""

    def write(self, text: str) -> int:
        return sys.stdout.write(text)

    def flush(self) -> None:
        sys.stdout.flush()


@pytest.fixture
def output(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> pytest.CaptureFixture[str]:
    """What the functions write."""
    from likes.observability import logger

    monkeypatch.setattr(logger.registered_handler, "stream", _CurrentStdout())
    return capsys


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def aisa(clock: VirtualClock) -> Iterator[AisaSimulator]:
    with AisaSimulator({KEY: "default", BRAND_KEY: "brand-a"}, clock=clock) as simulator:
        yield simulator


def make_table(name: str) -> None:
    aws("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


@pytest.fixture(scope="session")
def stored() -> dict[str, str]:
    """The table and the secrets, made once: name to text of each secret."""
    make_table("state")
    texts = {"aisa": json.dumps({"default": KEY, "brand-a": BRAND_KEY}), "webhooks": json.dumps(SOURCES)}
    for name, text in texts.items():
        aws("secretsmanager").create_secret(Name=name, SecretString=text)
    return texts


@pytest.fixture
def table(stored: dict[str, str]) -> Iterator[str]:  # noqa: ARG001 - the table is made there
    yield "state"
    for item in aws("dynamodb").scan(TableName="state")["Items"]:
        aws("dynamodb").delete_item(TableName="state", Key={"pk": item["pk"]})


@pytest.fixture
def secret(stored: dict[str, str]) -> Iterator[str]:
    yield "aisa"
    aws("secretsmanager").put_secret_value(SecretId="aisa", SecretString=stored["aisa"])


@pytest.fixture
def webhook_secret(stored: dict[str, str]) -> Iterator[str]:
    yield "webhooks"
    aws("secretsmanager").put_secret_value(SecretId="webhooks", SecretString=stored["webhooks"])


@pytest.fixture
def service(
    clock: VirtualClock,
    aisa: AisaSimulator,
    table: str,
    secret: str,
    webhook_secret: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Service]:
    with QueueServer(clock) as sqs:
        queue_url = sqs.create("likes.fifo", VisibilityTimeout="360")
        rejected_url = sqs.create("rejected.fifo")
        monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", sqs.url)
        environ = {
            "AISA_BASE_URL": aisa.url,
            "AISA_SECRET_ID": secret,
            "WEBHOOK_SECRET_ID": webhook_secret,
            "STATE_TABLE": table,
            "LIKE_QUEUE_URL": queue_url,
            "REJECTED_QUEUE_URL": rejected_url,
        }
        yield Service(clock, aisa, sqs, environ, queue_url, rejected_url)
