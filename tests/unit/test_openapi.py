"""``docs/openapi.yaml`` says what the code, the template and the other docs say."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from cfnlint.decode import decode_str
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from likes.payload import STRICT_SCHEMA

ROOT = Path(__file__).parents[2]
# Codes that only messages in the queue end with, and reasons that only the log shows.
NOT_OVER_HTTP = {"gave_up"}

Document = dict[str, Any]


@pytest.fixture(scope="module")
def document() -> Document:
    loaded: Document = yaml.safe_load((ROOT / "docs" / "openapi.yaml").read_text())
    return loaded


def without_references(node: Any, document: Document) -> Any:
    """Return `node` with what it refers to in the place of each reference."""
    if isinstance(node, list):
        return [without_references(each, document) for each in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        target: Any = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        return without_references(target, document)
    return {name: without_references(value, document) for name, value in node.items()}


def test_it_is_valid(document: Document) -> None:
    validate(document)


def test_a_request_is_what_the_code_checks(document: Document) -> None:
    described = without_references(document["components"]["schemas"]["LikeRequest"], document)

    assert described == {name: value for name, value in STRICT_SCHEMA.definition.items() if name != "$schema"}


def test_its_routes_are_the_templates(document: Document) -> None:
    template, _ = decode_str((ROOT / "template.yaml").read_text())
    deployed = {
        (event["Properties"]["Path"], event["Properties"]["Method"].lower())
        for resource in template["Resources"].values()
        for event in resource.get("Properties", {}).get("Events", {}).values()
        if event["Type"] == "HttpApi"
    }

    assert {(path, method) for path, methods in document["paths"].items() for method in methods} == deployed


def codes_in(node: Any) -> set[str]:
    if isinstance(node, list):
        return set().union(*map(codes_in, node))
    if not isinstance(node, dict):
        return set()
    own = set(node["code"].get("enum", [])) if isinstance(node.get("code"), dict) else set()
    return own.union(*map(codes_in, node.values()))


def test_its_codes_are_those_of_the_outcomes_page(document: Document) -> None:
    page = (ROOT / "docs" / "outcomes.md").read_text()
    answered = page.partition("For `not_authenticated`, the log's")[0]
    rows = re.findall(r"^\| (`[a-z_]+`(?:, `[a-z_]+`)*) \|", answered, flags=re.MULTILINE)
    sentences = re.findall(r"^(?:These pass|`oversized|`in_progress`:).*(?:\n(?!\n).+)*", answered, flags=re.MULTILINE)
    documented = set(re.findall(r"`([a-z_]+)`", " ".join(rows + sentences)))
    outcomes = {"liked", "already_liked", "rejected", "limited", "blocked", "unavailable"}

    assert codes_in(without_references(document, document)) == documented - outcomes - NOT_OVER_HTTP


def test_every_answer_has_an_example_that_keeps_its_schema(document: Document) -> None:
    for methods in without_references(document["paths"], document).values():
        for operation in methods.values():
            for status, answer in operation["responses"].items():
                for media in answer["content"].values():
                    examples = [media["example"]] if "example" in media else []
                    examples += [each["value"] for each in media.get("examples", {}).values()]
                    assert examples, status
                    for example in examples:
                        Draft202012Validator(media["schema"]).validate(example)
