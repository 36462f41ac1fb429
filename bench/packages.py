"""The packages to compare: ours as ``sam build`` makes them, and the peers, each built as its users would build it."""

import compileall
import os
import py_compile
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import botocore_data

from bench import events
from bench.events import Event
from local.build import BUILT, PROJECT

PEERS: Final = Path(__file__).parent / "peers"
FOLDER: Final = PROJECT / ".local" / "bench"


@dataclass(frozen=True)
class Package:
    """A function to measure.

    Attributes:
        name: as the table shows it.
        folder: its package.
        handler: as Lambda names it.
        event: makes what it is invoked with, a different one for each number.
        environ: further variables.
    """

    name: str
    folder: Path
    handler: str
    event: Callable[[int], Event]
    environ: Mapping[str, str] = field(default_factory=dict)

    @property
    def zipped_megabytes(self) -> float:
        """The size of the package as it is uploaded."""
        with tempfile.TemporaryFile() as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
                for path in sorted(self.folder.rglob("*")):
                    archive.write(path, path.relative_to(self.folder))
            return file.tell() / 1e6


LIKE: Final = Package("LikeFunction", BUILT / "LikeFunction", "likes.api.handler", events.http)
WEBHOOK: Final = Package("WebhookFunction", BUILT / "WebhookFunction", "likes.webhooks.handler", events.webhook)
WORKER: Final = Package("WorkerFunction", BUILT / "WorkerFunction", "likes.worker.handler", events.queue)
OURS: Final = (LIKE, WEBHOOK, WORKER)

EMPTY: Final = Package("empty handler", PEERS / "empty", "app.handler", events.http)
BARE: Final = Package("bare Session.post", FOLDER / "bare", "app.handler", events.http)
PLAIN: Final = Package("plain Powertools", FOLDER / "plain" / "Plain", "app.handler", events.http)


def _floor(folder: str, job: str, event: Callable[[int], Event]) -> Package:
    return Package(f"{folder}, {job}", FOLDER / folder, "app.handler", event, {"JOB": job})


# The jobs of our three functions, in their order.
_JOBS: Final = (("http", events.http), ("webhook", events.webhook), ("queue", events.queue))
FLOORS: Final = tuple(_floor("floor", job, event) for job, event in _JOBS)
TRIMMED_FLOORS: Final = tuple(_floor("trimmed floor", job, event) for job, event in _JOBS)


def build_floor() -> None:
    """Install what the floor needs and compile it: whoever does without a framework knows about bytecode."""
    folder = FLOORS[0].folder
    shutil.rmtree(folder, ignore_errors=True)
    _install(folder, "botocore", "urllib3", "python-dateutil", "jmespath", "six", "certifi")
    shutil.copy(PEERS / "floor" / "app.py", folder)
    compileall.compile_dir(folder, quiet=1, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)


def build_others() -> None:
    """Build the other peers, after our own functions."""
    for package in (TRIMMED_FLOORS[0], BARE, PLAIN):
        shutil.rmtree(package.folder, ignore_errors=True)
    _build_trimmed_floor()
    _build_bare()
    _build_plain()


def _build_trimmed_floor() -> None:
    """Give the floor what is trimmed and compiled in our own package."""
    folder = TRIMMED_FLOORS[0].folder
    folder.mkdir(parents=True)
    for name in ("urllib3", "dateutil", "jmespath", "certifi"):
        shutil.copytree(LIKE.folder / name, folder / name)
    shutil.copytree(FLOORS[0].folder / "botocore", folder / "botocore")
    botocore_data.trim(folder / "botocore" / "data", botocore_data.OPERATIONS | {"dynamodb": ("TransactWriteItems",)})
    for path in (LIKE.folder / "six.py", PEERS / "floor" / "app.py"):
        shutil.copy(path, folder)
    compileall.compile_dir(folder, quiet=1, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)


def _build_bare() -> None:
    """Give the bare call our own package's `requests`."""
    BARE.folder.mkdir(parents=True)
    for name in ("requests", "urllib3", "certifi", "charset_normalizer", "idna"):
        shutil.copytree(LIKE.folder / name, BARE.folder / name)
    shutil.copy(PEERS / "bare" / "app.py", BARE.folder)


def _build_plain() -> None:
    template = PEERS / "plain" / "template.yaml"
    command = [sys.executable, "-m", "samcli", "build", "--template", str(template)]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # where sam finds the runtime's Python
    subprocess.run(  # noqa: S603 - our own words
        [*command, "--build-dir", str(PLAIN.folder.parent)],
        env=os.environ | {"PATH": path, "SAM_CLI_TELEMETRY": "0"},
        cwd=PROJECT,
        check=True,
        capture_output=True,
    )


def _install(folder: Path, *names: str) -> None:
    """Install the locked versions of some dependencies."""
    locked = (PROJECT / "requirements.txt").read_text()
    pinned = [match[0] for name in names if (match := re.search(rf"^{name}==\S+", locked, re.MULTILINE))]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--target", str(folder)]
    subprocess.run([*command, *pinned], check=True, capture_output=True)  # noqa: S603 - our own words
