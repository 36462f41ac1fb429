"""What `sam build` made, and how it behaves under Lambda's own runtime client."""

import importlib.util
import json
import os
import platform
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
import samcli

from bench.runtime import runtime_client
from local.aisa import Call
from local.poller import poll
from tests.conftest import KEY, TWEET, Service
from tests.senders import SECRETS

BUILD = Path(__file__).parents[2] / ".aws-sam" / "build"
FUNCTIONS = {
    "LikeFunction": "likes.api.handler",
    "WebhookFunction": "likes.webhooks.handler",
    "WorkerFunction": "likes.worker.handler",
}
MACHINE = {"aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "x86_64")
EMULATOR = Path(samcli.__file__).parent / "local" / "rapid" / f"aws-lambda-rie-{MACHINE}"
UNCHECKED_HASH = 0b01

each_function = pytest.mark.parametrize("function", FUNCTIONS)


class Runtime:
    """One function's package under the runtime client, and the emulator of Lambda's that feeds it."""

    def __init__(self, url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self._url = url
        self._process = process
        self._log = log

    def invoke(self, event: dict[str, Any]) -> requests.Response:
        return requests.post(f"{self._url}/2015-03-31/functions/function/invocations", json=event, timeout=60)

    def answer(self, event: dict[str, Any]) -> dict[str, Any] | None:
        """Return what the function answered, or None when it died."""
        response = self.invoke(event)
        answer = response.json() if response.ok else None
        return answer if isinstance(answer, dict) and "errorType" not in answer else None

    def kill(self) -> None:
        """End the function's process in the middle of whatever it does."""
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        for tasks in Path(f"/proc/{self._process.pid}/task").iterdir():
            children += (tasks / "children").read_text().split()
        for child in set(children):
            os.kill(int(child), 9)

    @property
    def output(self) -> str:
        return self._log.read_text(errors="replace")


@pytest.fixture
def start(service: Service, tmp_path: Path) -> Iterator[Callable[..., Runtime]]:
    """Start a function's built package; it has the base interpreter and its own folder, and nothing of the tests'."""
    client = runtime_client()

    @contextmanager
    def running(function: str, **environ: str) -> Iterator[Runtime]:
        ports = _free_ports(2)
        folder = BUILD / function
        log = tmp_path / f"{function}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 - our own words
                [
                    str(EMULATOR),
                    "--runtime-interface-emulator-address",
                    f"127.0.0.1:{ports[0]}",
                    "--runtime-api-address",
                    f"127.0.0.1:{ports[1]}",
                    str(Path(sys.base_prefix) / "bin" / "python3.13"),
                    "-m",
                    "awslambdaric",
                    FUNCTIONS[function],
                ],
                cwd=folder,
                env={
                    **{name: value for name, value in os.environ.items() if name.startswith("AWS_")},
                    **service.environ,
                    "PATH": "/usr/bin:/bin",
                    "PYTHONPATH": f"{folder}{os.pathsep}{client}",
                    "POWERTOOLS_SERVICE_NAME": "tweet-likes",
                    "AWS_LAMBDA_FUNCTION_NAME": function,
                    "AWS_LAMBDA_FUNCTION_TIMEOUT": "60",
                    **environ,
                },
                stdout=output,
                stderr=output,
            )
            try:
                _wait_for_port(ports[0], process)
                yield Runtime(f"http://127.0.0.1:{ports[0]}", process, log)
            finally:
                process.terminate()
                process.wait(10)

    with ExitStack() as stack:
        yield lambda function, **environ: stack.enter_context(running(function, **environ))


def test_the_http_function_likes_a_tweet(start: Callable[..., Runtime], service: Service) -> None:
    event = json.loads((BUILD.parents[1] / "events" / "http-like.json").read_text())

    answer = start("LikeFunction").answer(event)

    assert answer
    assert answer["statusCode"] == 200, answer
    assert service.aisa.likes["default"] == {TWEET}


def _poll(service: Service, runtime: Runtime) -> None:
    poll(service.sqs_client, service.queue_url, service.sqs.queue(service.queue_url).arn, runtime.answer)


def test_the_worker_likes_a_tweet(start: Callable[..., Runtime], service: Service) -> None:
    service.send({"tweet_id": TWEET})

    _poll(service, start("WorkerFunction"))

    assert service.aisa.likes["default"] == {TWEET}
    assert not service.waiting


def test_the_webhook_function_queues_a_like(start: Callable[..., Runtime], service: Service) -> None:
    event = json.loads((BUILD.parents[1] / "events" / "webhook-token.json").read_text())
    runtime = start("WebhookFunction")

    answer = runtime.answer(event)

    assert answer
    assert answer["statusCode"] == 202, answer
    assert len(service.waiting) == 1
    assert not [secret for secret in SECRETS if secret in runtime.output]


def test_a_process_that_dies_between_call_and_settling_costs_one_repeat_and_loses_nothing(
    start: Callable[..., Runtime], service: Service, output: pytest.CaptureFixture[str]
) -> None:
    runtime = start("WorkerFunction")
    service.clock.advance_to(time.time())  # the package keeps real time
    for tweet_id in ("1", "2", "3"):
        service.send({"tweet_id": tweet_id})

    def kill_at_the_second(call: Call) -> None:
        if call.tweet_id == "2" and service.aisa.charges["default", "2"] == 1:
            runtime.kill()

    service.aisa.after_like = kill_at_the_second
    _poll(service, runtime)
    assert len(service.waiting) == 3
    service.drain()

    assert service.aisa.likes["default"] == {"1", "2", "3"}
    assert service.aisa.charges == {("default", "1"): 1, ("default", "2"): 2, ("default", "3"): 1}
    assert output.readouterr().out.count('"repeated":true') == 1


def test_the_key_is_in_nothing_that_the_function_writes(start: Callable[..., Runtime], service: Service) -> None:
    runtime = start("LikeFunction", POWERTOOLS_LOG_LEVEL="DEBUG")

    runtime.answer(json.loads((BUILD.parents[1] / "events" / "http-like.json").read_text()))

    assert service.aisa.likes["default"] == {TWEET}
    assert '"message":"like"' in runtime.output
    assert KEY not in runtime.output


@pytest.mark.parametrize(
    ("environ", "complaint"),
    [
        ({"STATE_TABLE": ""}, "STATE_TABLE is not set."),
        ({"LIKES_PER_DAY": "many"}, "LIKES_PER_DAY must be a whole number from 1."),
        ({"AISA_BASE_URL": "http://gateway.example"}, "AISA_BASE_URL must be an https address"),
        ({"AISA_KEY_IN_BODY": "yes"}, "AISA_KEY_IN_BODY must be true or false."),
    ],
)
def test_a_setting_that_is_wrong_stops_the_function_and_is_named(
    start: Callable[..., Runtime], environ: dict[str, str], complaint: str
) -> None:
    runtime = start("LikeFunction", **environ)

    assert runtime.answer({}) is None
    assert complaint in runtime.output


@each_function
def test_dependencies_are_inside(function: str) -> None:
    folder = BUILD / function

    for name in ("likes", "boto3", "botocore", "aws_lambda_powertools", "fastjsonschema"):
        assert (folder / name).is_dir(), name
    proves_senders = function == "WebhookFunction"
    assert (folder / "standardwebhooks").is_dir() == proves_senders
    assert (folder / "requests").is_dir() != proves_senders
    assert not list(folder.rglob("*.so")), "pure Python runs on either architecture"
    for name in ("local", "tests", "moto", "pytest"):
        assert not (folder / name).exists(), name
    for pattern in ("tests", "docs/*.md", "*.pyi", "py.typed", "*.dist-info", "event_handler"):
        assert not list(folder.rglob(pattern)), pattern


@each_function
def test_every_module_has_bytecode_that_the_runtime_takes_unchecked(function: str) -> None:
    for source in (BUILD / function).rglob("*.py"):
        header = Path(importlib.util.cache_from_source(str(source))).read_bytes()[:8]
        assert header[:4] == importlib.util.MAGIC_NUMBER
        assert int.from_bytes(header[4:8], "little") == UNCHECKED_HASH, source


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def _wait_for_port(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 20
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError("The runtime emulator did not start.")
