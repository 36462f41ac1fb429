"""Lambda's Runtime API on loopback, and a function's process under the real runtime client (``awslambdaric``)."""

import json
import os
import queue
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, Final

import awslambdaric

from bench.packages import FOLDER, Package
from local.serving import Handler, LoopbackServer

ANSWER_SECONDS: Final = 60.0
PYTHON: Final = str(Path(sys.base_prefix) / "bin" / "python3.13")


class FunctionFailed(Exception):
    """The function died or answered with an error. The message is what it wrote."""


def leave_room() -> None:
    """Keep this process, and those that it starts, off the processor on which the functions run, if there are two."""
    os.sched_setaffinity(0, _processors() - _functions_own() or _processors())


@cache
def _processors() -> frozenset[int]:
    return frozenset(os.sched_getaffinity(0))


def _functions_own() -> frozenset[int]:
    return frozenset({max(_processors())})


class RuntimeApi(LoopbackServer):
    """Gives events to one runtime client and takes its answers."""

    def __init__(self) -> None:
        self.events: queue.Queue[bytes] = queue.Queue()
        self.answers: queue.Queue[bytes | None] = queue.Queue()
        super().__init__(_Handler)

    @property
    def address(self) -> str:
        """For ``AWS_LAMBDA_RUNTIME_API``."""
        return self.url.removeprefix("http://")


class _Handler(Handler):
    owner: RuntimeApi

    def do_GET(self) -> None:
        event = self.owner.events.get()
        deadline = round((time.time() + 60) * 1000)
        self.send_response(200)
        self.send_header("Lambda-Runtime-Aws-Request-Id", "request")
        self.send_header("Lambda-Runtime-Deadline-Ms", str(deadline))
        self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:000000000000:function:f")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(event)))
        self.end_headers()
        self.wfile.write(event)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.owner.answers.put(body if self.path.endswith("/response") else None)
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()


class Function:
    """A running function.

    Attributes:
        pid: of its process.
    """

    def __init__(self, api: RuntimeApi, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self._api = api
        self._log = log
        self.pid = process.pid

    def invoke(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Return what it answers.

        Raises:
            FunctionFailed: it fails, or does not answer in time.
        """
        self._api.events.put(json.dumps(event).encode())
        try:
            body = self._api.answers.get(timeout=ANSWER_SECONDS)
        except queue.Empty:
            body = None
        if body is None:
            raise FunctionFailed(self._log.read_text(errors="replace"))
        answer: dict[str, Any] = json.loads(body)
        return answer

    @property
    def resident_megabytes(self) -> float:
        """The memory that it holds now."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    @property
    def cpu_seconds(self) -> float:
        """The processor time that it has used so far; its one thread, which does all the work."""
        return int(Path(f"/proc/{self.pid}/schedstat").read_text().split()[0]) / 1e9


@contextmanager
def running(package: Package, environ: Mapping[str, str]) -> Iterator[Function]:
    """Run a package's handler with the base interpreter, which has the package and the runtime client and no more."""
    with RuntimeApi() as api, tempfile.TemporaryDirectory() as folder, Path(folder, "log").open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - our own words
            [PYTHON, "-m", "awslambdaric", package.handler],
            cwd=package.folder,
            env=environment(package) | {"AWS_LAMBDA_RUNTIME_API": api.address, **environ},
            stdout=output,
            stderr=output,
        )
        os.sched_setaffinity(process.pid, _functions_own())
        try:
            yield Function(api, process, Path(output.name))
        finally:
            process.kill()
            process.wait()


def environment(package: Package) -> dict[str, str]:
    """Return the variables that Lambda would set for a package, and the package's own."""
    return {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": f"{package.folder}{os.pathsep}{runtime_client()}",
        "PYTHONDONTWRITEBYTECODE": "1",  # the package is read-only on Lambda
        "AWS_LAMBDA_FUNCTION_NAME": "f",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        **package.environ,
    }


@cache
def runtime_client() -> Path:
    """Return a folder with the runtime client, and nothing else of this environment."""
    client = FOLDER / "client"
    client.mkdir(parents=True, exist_ok=True)
    for pattern in ("awslambdaric*", "runtime_client*", "simplejson*", "snapshot_restore_py*"):
        for path in Path(awslambdaric.__file__).parents[1].glob(pattern):
            with suppress(FileExistsError):
                (client / path.name).symlink_to(path)
    return client
