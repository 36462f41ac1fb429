"""What ships where, and that the page about the commands is what they say."""

import os
import subprocess
import sys
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

from tests.likectl.conftest import PROJECT

PYPROJECT = tomllib.loads((PROJECT / "pyproject.toml").read_text())
EXTRA = ("rich", "segno", "typer")


def test_the_page_is_up_to_date(tmp_path: Path) -> None:
    page = tmp_path / "likectl.md"

    subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-m", "typer", "likectl.cli", "utils", "docs", "--name", "likectl", "--output", str(page)],
        env=os.environ | {"PYTHONPATH": f"{PROJECT / 'src'}{os.pathsep}{PROJECT}"},
        capture_output=True,
        check=True,
    )

    assert (PROJECT / "docs" / "likectl.md").read_text() == page.read_text(), "make likectl-docs writes it anew"


def test_the_functions_do_not_carry_what_only_operators_need() -> None:
    locked = (PROJECT / "requirements.txt").read_text()

    assert not [name for name in EXTRA if f"\n{name}==" in f"\n{locked}"]
    assert tuple(name.partition(">")[0] for name in PYPROJECT["project"]["optional-dependencies"]["cli"]) == EXTRA


def test_the_entry_point_is_there() -> None:
    assert callable(EntryPoint("likectl", PYPROJECT["project"]["scripts"]["likectl"], "console_scripts").load())
