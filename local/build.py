"""``make build``: what ``sam build`` makes, made anew only when what it is made from has changed."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from local.emulator import StackFailed

PROJECT: Final = Path(__file__).parents[1]
BUILT: Final = PROJECT / ".aws-sam" / "build"


def build() -> None:
    """Run ``sam build``, unless what is built from has not changed since.

    Raises:
        StackFailed: the build failed.
    """
    sources = [PROJECT / "template.yaml", PROJECT / "requirements.txt"]
    sources += sorted(
        path for folder in ("src", "packaging") for path in (PROJECT / folder).rglob("*") if path.is_file()
    )
    digest = hashlib.sha256()
    for path in sources:
        if path.suffix != ".pyc":
            digest.update(f"{path.relative_to(PROJECT)}\0".encode() + path.read_bytes())
    stamp = BUILT.parent / "built-from"
    if stamp.is_file() and stamp.read_text() == digest.hexdigest():
        return
    sam("build")
    stamp.write_text(digest.hexdigest())


def sam(command: str, *arguments: str, endpoint: str | None = None) -> None:
    """Run the SAM CLI in the project, against the emulator at `endpoint` where it needs AWS.

    Raises:
        StackFailed: it did.
    """
    environ = os.environ | {
        "SAM_CLI_TELEMETRY": "0",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    if endpoint:
        environ |= {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "SAM_CLI_POLL_DELAY": "0.2",  # seconds; an emulator minds no questions
        }
    run = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-m", "samcli", command, *arguments],
        cwd=PROJECT,
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode:
        raise StackFailed(f"sam {command} failed.\n{run.stdout}{run.stderr}")


if __name__ == "__main__":
    try:
        build()
    except StackFailed as error:
        sys.exit(str(error))
