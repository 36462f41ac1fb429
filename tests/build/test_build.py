"""``sam build``, from any folder and with any environment of samconfig.toml, makes whole packages or fails."""

import hashlib
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


def contents(built: Path) -> dict[str, tuple[str, float]]:
    """Return the digest and the time of each file in the packages in `built`."""
    return {
        str(path.relative_to(built)): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime)
        for function in WHOLE
        for path in (built / function).rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Build twice from another folder: with a known environment of samconfig.toml, and one function with an unknown one."""
    elsewhere = tmp_path_factory.mktemp("else where")
    shutil.copy(ROOT / "samconfig.toml", elsewhere)
    built = []
    for environment, functions in (("prod", []), ("nobody-made-this-one", ["LikeFunction"])):
        built.append(elsewhere / environment)
        options = ("--config-file", "samconfig.toml", "--config-env", environment)
        run = sam_build(elsewhere, ROOT, *options, "--build-dir", str(built[-1]), *functions)
        assert run.returncode == 0, run.stderr
    return built


def test_the_package_is_whole_from_another_folder_and_with_any_environment(builds: list[Path]) -> None:
    every, one = builds

    assert lacks(every) == []
    assert [missing for missing in lacks(one) if missing.startswith("LikeFunction")] == []


def test_two_builds_are_the_same_to_the_byte(builds: list[Path]) -> None:
    every, one = map(contents, builds)

    assert {name: file for name, file in every.items() if name.startswith("LikeFunction")} == one


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


def test_a_build_by_a_python_whose_bytecode_is_not_the_runtimes_fails(tmp_path: Path) -> None:
    package = ROOT / "packaging" / "package.py"
    other = "import importlib._bootstrap_external as b, runpy, sys; b.MAGIC_NUMBER = b'\\x00\\x0e\\r\\n'; "
    run_it = (
        f"sys.argv[1:] = ['WebhookFunction', {str(tmp_path)!r}]; runpy.run_path({str(package)!r}, run_name='__main__')"
    )
    run = subprocess.run(  # noqa: S603 - our own words
        [
            shutil.which("python3.13") or sys.executable,
            "-c",
            f"import sys; sys.path.insert(0, {str(package.parent)!r}); {other}{run_it}",
        ],
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode != 0
    assert "The runtime would not use" in run.stderr
