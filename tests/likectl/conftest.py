"""A stack as CloudFormation tells of it, over servers on loopback, and the command line in this process or in a terminal."""

import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import boto3
import pexpect
import pytest
from typer.testing import CliRunner

from likectl.cli import app
from local.aisa import AisaSimulator
from local.sqs import QueuedMessage, QueueServer

KEY: Final = "sk-live-0123456789-of-the-owner"
BRAND_KEY: Final = "sk-live-9876543210-of-brand-a"
NEW_KEY: Final = "sk-live-the-key-that-comes-after"
KEYS: Final = (KEY, BRAND_KEY, NEW_KEY)
STACK: Final = "tweet-likes"
TEMPLATE: Final = Path(__file__).parent / "stack.json"
PROJECT: Final = Path(__file__).parents[2]


@dataclass(frozen=True)
class Result:
    """How a run ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def likectl(*arguments: str, stdin: str | None = None, env: dict[str, str] | None = None) -> Result:
    """Run a command in this process, with no terminal; no key and no traceback may show, whatever happens."""
    ran = CliRunner().invoke(app, list(arguments), input=stdin, env=env, catch_exceptions=False)
    for text in (ran.stdout, ran.stderr):
        assert not any(key in text for key in KEYS)
        assert "Traceback" not in text
    return Result(ran.exit_code, ran.stdout, ran.stderr)


def in_terminal(*arguments: str, columns: int = 80, colour: bool = True, **environ: str) -> "pexpect.spawn[str]":
    """Start a command in a real terminal of so many columns."""
    env = os.environ | {"PYTHONPATH": f"{PROJECT / 'src'}{os.pathsep}{PROJECT}", "TERM": "xterm-256color"} | environ
    env.pop("NO_COLOR", None)
    env.pop("COLUMNS", None)
    if not colour:
        env["NO_COLOR"] = "1"
    command = ["-m", "likectl", *arguments]
    return pexpect.spawn(
        sys.executable, command, env=env, dimensions=(60, columns), encoding="utf-8", timeout=60, echo=True
    )


def shown(child: "pexpect.spawn[str]") -> str:
    """Return all that a command has shown by its end. No key may be among it."""
    before = child.before if isinstance(child.before, str) else ""
    text: str = before + child.read()
    child.wait()
    assert not any(key in text for key in KEYS)
    return text


def plain(text: str) -> str:
    """Return a terminal's text without its colours and moves."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).replace("\r", "")


@dataclass
class FakeStack:
    """A stack in moto, its queues in a queue server that keeps FIFO groups exactly, and a gateway."""

    sqs: QueueServer
    aisa: AisaSimulator
    outputs: dict[str, str]
    clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        """Return a client of `service`."""
        make: Callable[..., Any] = boto3.client
        return self.clients.setdefault(service, make(service))

    @property
    def secret(self) -> str:
        """The AIsa secret's value."""
        return str(
            self.client("secretsmanager").get_secret_value(SecretId=self.outputs["AisaSecretArn"])["SecretString"]
        )

    @secret.setter
    def secret(self, value: str) -> None:
        self.client("secretsmanager").put_secret_value(SecretId=self.outputs["AisaSecretArn"], SecretString=value)

    @property
    def sources(self) -> Any:
        """The webhook secret's value."""
        answer = self.client("secretsmanager").get_secret_value(SecretId=self.outputs["WebhookSecretArn"])
        return json.loads(answer["SecretString"])

    @sources.setter
    def sources(self, value: Any) -> None:
        text = value if isinstance(value, str) else json.dumps(value)
        self.client("secretsmanager").put_secret_value(SecretId=self.outputs["WebhookSecretArn"], SecretString=text)

    def put_account(self, name: str, **item: Any) -> None:
        """Put an account into the ledger; strings and whole numbers."""
        values = {
            field: {"S": value} if isinstance(value, str) else {"N": str(value)}
            for field, value in ({"pk": f"account#{name}", "account": name, "revision": 7} | item).items()
        }
        self.client("dynamodb").put_item(TableName=self.outputs["StateTableName"], Item=values)

    def account(self, name: str) -> dict[str, Any]:
        """Return an account in the ledger."""
        answer = self.client("dynamodb").get_item(
            TableName=self.outputs["StateTableName"], Key={"pk": {"S": f"account#{name}"}}
        )
        return dict(answer["Item"])

    @property
    def queued(self) -> list[QueuedMessage]:
        """The messages in the queue of likes."""
        return self.sqs.queue("likes.fifo").messages

    @property
    def rejected(self) -> list[QueuedMessage]:
        """The messages in the rejected queue."""
        return self.sqs.queue("rejected.fifo").messages

    def reject(
        self,
        tweet_id: str,
        reason: str = "tweet_not_found",
        *,
        account: str = "default",
        group: str = "",
        source: str = "",
        body: str = "",
    ) -> str:
        """Put a message into the rejected queue and return its id; by default it is a group of its own."""
        attributes = {
            "Reason": reason,
            "Detail": "Why it was rejected, in a sentence.",
            "Account": account,
            "TweetId": tweet_id,
            "SourceMessageId": source or f"source-{tweet_id}",
            "ReceiveCount": "2",
        }
        values = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
        body = body or json.dumps({"tweet_id": tweet_id, "account": account})
        return self.sqs.queue("rejected.fifo").send(body, group or tweet_id, attributes["SourceMessageId"], values)


@pytest.fixture
def gateway() -> Iterator[AisaSimulator]:
    with AisaSimulator({KEY: "default", BRAND_KEY: "brand-a", NEW_KEY: "default"}) as simulator:
        yield simulator


@pytest.fixture
def stack(gateway: AisaSimulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeStack]:
    secrets = boto3.client("secretsmanager")
    values = {"AisaBaseUrl": gateway.url}
    values |= {f"{name}Arn": secrets.create_secret(Name=name)["ARN"] for name in ("AisaSecret", "WebhookSecret")}
    cloudformation = boto3.client("cloudformation")
    cloudformation.create_stack(
        StackName=STACK,
        TemplateBody=TEMPLATE.read_text(),
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()],
    )
    outputs = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]["Outputs"]
    with QueueServer() as sqs:
        sqs.create("likes.fifo", VisibilityTimeout="360")
        sqs.create("rejected.fifo", VisibilityTimeout="30")
        monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", sqs.url)
        yield FakeStack(sqs, gateway, {output["OutputKey"]: output["OutputValue"] for output in outputs})
    monkeypatch.delenv("AWS_ENDPOINT_URL_SQS")
    cloudformation.delete_stack(StackName=STACK)
    for name in ("AisaSecret", "WebhookSecret"):
        secrets.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
