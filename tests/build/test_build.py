"""``sam build``, from any folder and with any environment of samconfig.toml, makes whole packages or fails."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# What a package can not do without: the sources, an AWS client, and the bytecode that makes it start fast.
WHOLE = {
    "LikeFunction": ["likes/api.py", "boto3/__init__.py", "requests/__init__.py"],
    "WebhookFunction": ["likes/webhooks.py", "boto3/__init__.py", "standardwebhooks/__init__.py"],
    "WorkerFunction": ["likes/worker.py", "boto3/__init__.py", "requests/__init__.py"],
}

pytestmark = [pytest.mark.timeout(300), pytest.mark.xdist_group("build")]


def sam_build(folder: Path, project: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run ``sam build`` in `folder` on the template of `project`, into a folder of its own."""
    environ = {**os.environ, "SAM_CLI_TELEMETRY": "0"}
    environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = [sys.executable, "-m", "samcli", "build", "--template-file", str(project / "template.yaml"), *options]
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)  # noqa: S603 - our own words


def lacks(built: Path) -> list[str]:
    """Return what is missing of the packages in `built`."""
    return [
        f"{function}/{name}"
        for function, names in WHOLE.items()
        for name in names
        if not (built / function / name).is_file()
        or not list((built / function / name).parent.glob(f"__pycache__/{Path(name).stem}.*.pyc"))
    ]


@pytest.mark.parametrize(
    "options",
    [
        ("--config-file", "samconfig.toml", "--config-env", "prod"),
        ("--config-env", "nobody-made-this-one"),
    ],
    ids=["prod", "unknown"],
)
def test_the_package_is_whole_from_another_folder(options: tuple[str, ...], tmp_path: Path) -> None:
    elsewhere = tmp_path / "else where"
    elsewhere.mkdir()
    shutil.copy(ROOT / "samconfig.toml", elsewhere)

    run = sam_build(elsewhere, ROOT, *options)

    assert run.returncode == 0, run.stderr
    assert lacks(elsewhere / ".aws-sam" / "build") == []


def test_a_build_without_all_dependencies_fails(tmp_path: Path) -> None:
    project = tmp_path / "project"
    for folder in ("src", "packaging"):
        shutil.copytree(ROOT / folder, project / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "template.yaml", project)
    locked = (ROOT / "requirements.txt").read_text()
    without = re.sub(r"^jmespath==(.*\\\n)+.*\n", "", locked, flags=re.MULTILINE)
    assert len(without) < len(locked)
    (project / "requirements.txt").write_text(without)

    run = sam_build(project, project)

    assert run.returncode != 0
    assert "lacks jmespath" in run.stdout + run.stderr
