"""The pictures in ``docs/architecture.md`` show the stack that the template makes."""

import json
import re
from itertools import pairwise
from pathlib import Path

from local.template import read

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text()
SITES = {"GitHub"}
PICTURES = re.findall(r"```mermaid\n(.*?)```", PAGE, flags=re.DOTALL)
ARROW = re.compile(r"\s*(?:-->|-\.[^>]*\.->)\s*")
SUPPORTING = re.compile(r"(Policy|Role)$")


def test_the_readmes_picture_names_what_there_is() -> None:
    (picture,) = re.findall(r"```mermaid\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    named = {name for name in re.findall(r"\b(?:[A-Z][a-z]+){2,}\b", picture) if name not in SITES}

    assert named <= read()["Resources"].keys()
    assert {"LikesApi", "LikeFunction", "WebhookFunction", "WorkerFunction", "LikeQueue", "StateTable"} <= named


def arrows() -> set[tuple[str, str]]:
    """Return from where to where each arrow between two resources points."""
    found: set[tuple[str, str]] = set()
    for line in "\n".join(PICTURES).splitlines():
        nodes = [re.sub(r"\(\[.*", "", node).strip() for node in ARROW.split(line)]
        found |= {(start, end) for start, end in pairwise(nodes) if start[:1].isupper() and end[:1].isupper()}
    return found


def test_every_resource_that_does_something_is_shown_and_no_other() -> None:
    resources = {name for name in read()["Resources"] if not SUPPORTING.search(name)}
    shown = {name for arrow in arrows() for name in arrow} | set(re.findall(r"`(\w+Alarm|Dashboard)`", PAGE))
    general = {name for name in resources if name.endswith("Alarm")}

    assert shown <= resources
    assert resources - general <= shown


def test_every_arrow_of_a_function_is_in_the_template() -> None:
    resources = read()["Resources"]
    for start, end in arrows():
        pair = json.dumps([resources[start], resources.get(f"{start}Role"), resources[end]])
        assert f'"{end}"' in pair or f'"{start}"' in pair or f"{{{start}" in pair, (
            f"{start} has nothing to do with {end}"
        )
