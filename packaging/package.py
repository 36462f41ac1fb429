"""Builds one function's package: ``package.py FUNCTION FOLDER``, called by ``sam build``.

It holds the sources, the locked dependencies (pure Python only, so that it runs on either architecture) and the
bytecode of both, made by the Python of the runtime. It fails rather than make half a package.
"""

import compileall
import os
import py_compile
import shutil
import subprocess
import sys
from pathlib import Path

import botocore_data

PROJECT = Path(__file__).resolve().parents[1]
RUNTIME = (3, 13)
# What each file of bytecode for that runtime starts with: its magic number, and the flag for "take it unchecked".
HEADER = (3571).to_bytes(2, "little") + b"\r\n" + (0b01).to_bytes(4, "little")

REQUIRED = ("likes", "boto3", "botocore", "aws_lambda_powertools", "jmespath", "fastjsonschema")
# What only some functions need, and what comes with a dependency and is not used.
CALLS_THE_GATEWAY = ("requests", "certifi", "charset_normalizer", "idna")
PROVES_SENDERS = ("standardwebhooks",)
UNUSED = ("bin", "boto3/data", "boto3/examples", "aws_lambda_powertools/event_handler")
UNUSED_ANYWHERE = ("*.dist-info", "tests", "py.typed")
POWERTOOLS_UTILITIES = ("jmespath_utils", "parameters", "typing", "validation")


def main(function: str, folder: Path) -> None:
    """Build the package of `function` into `folder`."""
    if sys.version_info[:2] != RUNTIME:
        sys.exit(f"The runtime is Python {RUNTIME[0]}.{RUNTIME[1]}; this is {sys.version.split()[0]}.")
    install(folder)
    proves_senders = function == "WebhookFunction"
    own, others = (PROVES_SENDERS, CALLS_THE_GATEWAY) if proves_senders else (CALLS_THE_GATEWAY, PROVES_SENDERS)
    trim(folder, others)
    missing = [name for name in REQUIRED + own if not _is_there(folder, name)]
    if missing:
        sys.exit(f"The package of {function} lacks {', '.join(missing)}.")
    compile_all(folder)


def install(folder: Path) -> None:
    """Put the locked dependencies and the sources into `folder`, as they come."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    command += ["--requirement", str(PROJECT / "requirements.txt"), "--require-hashes", "--no-deps", "--no-compile"]
    # Wheels for any platform: nothing is built, and charset-normalizer comes without its compiled part.
    command += ["--only-binary", ":all:", "--platform", "any", "--implementation", "py", "--abi", "none"]
    command += ["--target", str(folder)]
    subprocess.run(command, check=True)  # noqa: S603 - our own words
    shutil.copytree(PROJECT / "src" / "likes", folder / "likes", ignore=shutil.ignore_patterns("__pycache__"))


def trim(folder: Path, others: tuple[str, ...]) -> None:
    """Remove `others`, and what comes with a dependency and is not used."""
    unused = [path for pattern in UNUSED_ANYWHERE for path in folder.rglob(pattern)]
    for path in [*unused, *(folder / name for name in UNUSED + others)]:
        if path.is_file():
            path.unlink()
        else:
            shutil.rmtree(path, ignore_errors=True)
    for utility in (folder / "aws_lambda_powertools" / "utilities").iterdir():
        if utility.is_dir() and utility.name not in POWERTOOLS_UTILITIES:
            shutil.rmtree(utility)
    botocore_data.trim(folder / "botocore" / "data")


def _is_there(folder: Path, name: str) -> bool:
    return (folder / name).is_dir() or (folder / f"{name}.py").is_file()


def compile_all(folder: Path) -> None:
    """Compile everything beside its source, unchecked: the runtime need not look at the sources' times."""
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    if not compileall.compile_dir(
        folder, quiet=1, stripdir=str(folder), prependdir="/var/task", invalidation_mode=mode
    ):
        sys.exit("Not everything compiles.")
    for compiled in folder.rglob("*.pyc"):
        if not compiled.read_bytes().startswith(HEADER):
            sys.exit(f"The runtime would not use {compiled.relative_to(folder)}: this Python writes other bytecode.")
    for path in folder.rglob("*"):
        os.utime(path, (315_619_200, 315_619_200))  # 1980-01-02, the first day that a zip file can tell


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
