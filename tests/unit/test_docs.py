"""The docs name every code that the sources can answer with, and commands and resources that there are."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore import xform_name
from botocore.session import get_session
from typer.main import get_command

from likectl.cli import app
from likes import aisa
from local.template import read

ROOT = Path(__file__).parents[2]

# Every reason is given as a literal, after its kind or as a code's name.
REASONS = re.compile(
    r'(?:Kind\.\w+,\s+|(?:InvalidPayload|NotATweet|Unproven|SourceShut)\(\s*|(?:problem|_refuse)\(\s*\d+, )"([a-z_]+)"'
)


def test_every_code_in_the_sources_is_in_the_docs() -> None:
    documented = set(re.findall(r"`([a-z_]+)`", (ROOT / "docs" / "outcomes.md").read_text()))
    sources = "".join(path.read_text() for path in (ROOT / "src").rglob("*.py"))

    reasons = set(REASONS.findall(sources))

    assert {
        "tweet_not_found",
        "key_not_set",
        "invalid_json",
        "shortened_url",
        "like_not_found",
        "unknown_source",
    } <= reasons
    assert reasons <= documented
    assert {meaning.reason for meaning in aisa._STATUSES.values()} <= documented  # noqa: SLF001 - the table itself


PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# Options of the AWS CLI itself, and commands of its own that no service has.
EVERYWHERE = {"query", "output"}
NO_SERVICES = {("logs", "tail")}


def commands(page: Path, program: str) -> Iterator[list[str]]:
    """Yield the words of each command of `program` that a page tells to type."""
    text = page.read_text().replace("\\\n", " ")
    typed = "\n".join(re.findall(r"```console\n(.*?)```", text, re.DOTALL)) + "\n".join(
        re.findall(r"`([^`\n]+)`", text)
    )
    for command in re.findall(rf"(?:^|(?<=[\s({{;])){program} (?=([^\n]*))", typed, re.MULTILINE):
        words = shlex.split(re.sub(r"\$\([^)]*\)", "value", command), comments=True)
        ends = [i for i, word in enumerate(words) if word in {"&&", "||", "|"} or word.endswith(";")]
        yield words[: ends[0] + words[ends[0]].endswith(";")] if ends else words


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_aws_is_one(page: Path) -> None:
    for service, operation, *words in commands(page, "aws"):
        if (service, operation) in NO_SERVICES:
            continue
        model = get_session().get_service_model(service)
        operations = {xform_name(name, "-"): name for name in model.operation_names}
        assert operation in operations, f"aws {service} {operation}"
        takes = model.operation_model(operations[operation]).input_shape
        members = takes.members if takes else {}
        known = EVERYWHERE | {f"{no}{xform_name(name, '-')}" for name in members for no in ("", "no-")}
        assert {word[2:] for word in words if word.startswith("--")} <= known, f"aws {service} {operation}"


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "likectl.md"], ids=lambda page: page.name)
def test_every_command_of_likectl_is_one(page: Path) -> None:
    cli = get_command(app)
    for typed in commands(page, "likectl"):
        words = shlex.split(typed[0].removeprefix("ARGS=")) if typed[:1] and typed[0].startswith("ARGS=") else typed
        group = cli
        while words and (inner := getattr(group, "commands", {}).get(words[0])):
            group, words = inner, words[1:]
        assert not hasattr(group, "commands") or not words or words[0].startswith("-"), words
        options = {option for parameter in group.params for option in parameter.opts} | {"--help"}
        assert {word for word in words if word.startswith("--")} <= options, words


def test_commands_are_found_where_they_are() -> None:
    runbook = ROOT / "docs" / "runbook.md"

    assert ["redrive", "--reason", "gave_up"] in commands(runbook, "likectl")
    assert ["lambda", "update-event-source-mapping", "--uuid", "...", "--enabled"] in commands(runbook, "aws")
    assert ["sqs", "delete-message"] in [words[:2] for words in commands(runbook, "aws")], "the second of two in a line"


def test_the_runbook_names_outputs_and_resources_that_there_are() -> None:
    template, runbook = read(), (ROOT / "docs" / "runbook.md").read_text()

    assert set(re.findall(r"\$\(output (\w+)\)", runbook)) <= template["Outputs"].keys()
    assert set(re.findall(r"\$\(resource (\w+)\)", runbook)) <= template["Resources"].keys()
