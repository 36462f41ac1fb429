"""MiniStack, an AWS emulator, as a process of its own on a free port of this machine, policies enforced."""

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import boto3
import requests

START_SECONDS: Final = 60
REGION: Final = "us-east-1"


class StackFailed(Exception):
    """Something did not come up. The message says what failed, with what it printed."""


@dataclass(frozen=True)
class Emulator:
    """A running emulator: its address, for ``AWS_ENDPOINT_URL``, and its process id."""

    endpoint: str
    pid: int


@contextmanager
def emulator(folder: Path) -> Iterator[Emulator]:
    """Run MiniStack on a free port, with what it writes in `folder`, and stop it by its process id.

    Raises:
        StackFailed: it did not start.
    """
    port = _free_port()
    environ = {
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "PATH": "/usr/bin:/bin",
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "AUTH": "true",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    endpoint = f"http://127.0.0.1:{port}"
    with (folder / "emulator.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "ministack"],
            cwd=folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # a Ctrl-C is for us; we end it in our own time
        )
        try:
            _wait_for(endpoint, process, folder / "emulator.log")
            yield Emulator(endpoint, process.pid)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_for(endpoint: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if requests.get(f"{endpoint}/_ministack/health", timeout=5).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.1)
    raise StackFailed(f"The emulator did not start.\n{log.read_text(errors='replace')}")


def client(service: str, endpoint: str) -> Any:
    """Return a client of `service`, with the credentials of the emulator's owner."""
    # The type stubs know each service by its literal name; here any is meant.
    make: Callable[..., Any] = boto3.client
    return make(
        service,
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106 - the emulator's
    )


def client_of_environment(service: str) -> Any:
    """Return a client of `service` on AWS, with the environment's credentials and region."""
    make: Callable[..., Any] = boto3.client
    return make(service)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
