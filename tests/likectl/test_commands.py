"""What every command has in common: help with examples, exit statuses, and one line for whatever goes wrong."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

from likectl.cli import app
from tests.likectl.conftest import KEY, PROJECT, FakeStack, likectl

COMMANDS = {
    "link": [],
    "key set": [],
    "key rotate": [],
    "source add": ["crm"],
    "source list": [],
    "source test": ["crm"],
    "source remove": ["crm"],
    "doctor": [],
    "status": [],
    "send": ["20"],
    "failures": [],
    "redrive": [],
    "drop": [],
    "pause": [],
    "resume": [],
    "unhold": [],
}


def found(group: object, prefix: str = "") -> set[str]:
    """Return the names of all commands in a group and its groups."""
    commands: dict[str, object] = getattr(group, "commands", {})
    names = {name for name, command in commands.items() if not hasattr(command, "commands")}
    return {f"{prefix}{name}" for name in names}.union(
        *(found(command, f"{prefix}{name} ") for name, command in commands.items())
    )


def test_this_file_knows_every_command() -> None:
    assert found(typer.main.get_command(app)) == COMMANDS.keys()


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_an_example_and_the_common_options(command: str) -> None:
    run = likectl(*command.split(), "--help", env={"COLUMNS": "120"})

    assert run.status == 0
    examples = run.out.partition("Example")[2]
    assert f"likectl {command}" in examples
    for option in ("--stack", "--region", "--profile", "--json"):
        assert option in run.out


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize("command", COMMANDS)
def test_a_stack_that_is_not_there_is_one_line(command: str) -> None:
    run = likectl(*command.split(), *COMMANDS[command], "--stack", "nobodys")

    assert run.status == 3
    assert run.err == ("likectl: There is no stack nobodys in us-east-1. Give --stack, --region or --profile.\n")
    assert not run.out


@pytest.mark.usefixtures("stack")
def test_another_region_has_another_stack() -> None:
    run = likectl("status", "--region", "eu-central-1")

    assert run.status == 3
    assert "in eu-central-1" in run.err


@pytest.mark.parametrize("command", COMMANDS)
def test_a_network_that_is_away_is_one_line(monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")

    run = likectl(*command.split(), *COMMANDS[command])

    assert run.status == 5
    assert run.err == (
        "likectl: AWS does not answer (EndpointConnectionError). Check the network, --region and any proxy.\n"
    )
    assert not run.out


def test_credentials_that_are_not_there_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    run = likectl("doctor")

    assert run.status == 4
    assert run.err == "likectl: No AWS credentials (NoCredentialsError). Sign in, or give --profile.\n"


def test_a_profile_that_is_not_there_is_one_line() -> None:
    run = likectl("doctor", "--profile", "nobodys")

    assert run.status == 4
    assert len(run.err.splitlines()) == 1


def test_a_region_that_is_not_set_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")

    run = likectl("doctor")

    assert run.status == 2
    assert "AWS_REGION" in run.err


def test_a_defect_is_one_line_that_says_where(stack: FakeStack) -> None:
    stack.secret = KEY
    stack.put_account("default", window_ends_at=2**53)  # lacks what the ledger always writes

    run = likectl("status")

    assert run.status == 6
    assert run.err.startswith("likectl: A defect in likectl (KeyError at accounts.py:")
    assert len(run.err.splitlines()) == 1


@pytest.mark.parametrize("secret", [KEY, json.dumps({"default": KEY})[:-1]], ids=["good", "broken"])
def test_no_command_shows_a_key_whatever_the_secret_looks_like(stack: FakeStack, secret: str) -> None:
    stack.secret = secret

    for command, arguments in COMMANDS.items():
        for output in ([], ["--json"]):
            run = likectl(*command.split(), *arguments, *output, stdin="")  # asserts that no key shows
            assert "defect" not in run.err


def test_another_stack_is_told_apart(stack: FakeStack) -> None:
    stack.client("cloudformation").create_stack(
        StackName="another",
        TemplateBody='{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}',
    )

    run = likectl("status", "--stack", "another")

    assert run.status == 3
    assert "Is it this project's?" in run.err


def test_without_its_extra_it_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("raise ModuleNotFoundError(name='typer')")

    run = subprocess.run(
        [sys.executable, "-m", "likectl"],
        env=os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{PROJECT}"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 1
    assert run.stderr == (
        "likectl: typer is not installed. Install the project with its extra, e.g. pip install '.[cli]'.\n"
    )
