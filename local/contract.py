"""``make contract``: schemathesis holds the running service to ``docs/openapi.yaml``."""

import subprocess
import sys
from pathlib import Path
from typing import Final

from local.emulator import StackFailed
from local.service import DEMO_TOKEN, local_service

PROJECT: Final = Path(__file__).parents[1]


def main() -> int:
    """Bring the service up, let schemathesis try it, and return its exit status."""
    try:
        with local_service() as service:
            command = [str(Path(sys.executable).parent / "schemathesis"), "--config-file", "local/schemathesis.toml"]
            command += ["run", f"{service.gateway.url}/openapi.json", "--header", f"Authorization: Bearer {DEMO_TOKEN}"]
            return subprocess.run([*command, *sys.argv[1:]], cwd=PROJECT, check=False).returncode  # noqa: S603 - our own words
    except StackFailed as error:
        print(error)
        return 1


if __name__ == "__main__":
    sys.exit(main())
