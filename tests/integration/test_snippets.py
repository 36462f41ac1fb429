"""The programs in ``docs/webhooks.md`` do what they say."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import playwright
import pytest

from local.gateway import Gateway
from tests.conftest import TWEET, Service
from tests.senders import HMAC_SECRET, SOURCES, STANDARD_SECRET, TOKEN

PAGE = Path(__file__).parents[2] / "docs" / "webhooks.md"
SNIPPETS = re.findall(r"<!-- runs: (\S+) -->\n```(\w+)\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
NODE = Path(playwright.__file__).parent / "driver" / "node"
RUN: dict[str, list[str]] = {
    "python": [sys.executable, "-c"],
    "javascript": [str(NODE), "-e"],
    "bash": ["bash", "-euc"],
}
SCHEMES: dict[str, tuple[dict[str, Any], str]] = {
    "standard-webhooks": ({"scheme": "standard-webhooks", "secrets": [STANDARD_SECRET]}, STANDARD_SECRET),
    "hmac": ({name: value for name, value in SOURCES["github"].items() if name != "tweet"}, HMAC_SECRET),
    "token": ({"scheme": "token", "secrets": [TOKEN]}, TOKEN),
}


def test_there_are_programs_for_each_scheme_and_language() -> None:
    assert {scheme for scheme, _, _ in SNIPPETS} == SCHEMES.keys()
    assert {language for _, language, _ in SNIPPETS} == RUN.keys()


@pytest.mark.parametrize(
    ("scheme", "language", "program"), SNIPPETS, ids=[f"{scheme} {language}" for scheme, language, _ in SNIPPETS]
)
def test_a_documented_program_queues_a_like(service: Service, scheme: str, language: str, program: str) -> None:
    entry, secret = SCHEMES[scheme]
    service.set_sources({"crm": entry})
    service.clock.advance_to(time.time())  # by which the programs sign

    def invoke(event: dict[str, Any]) -> dict[str, Any]:
        return service.webhooks(event, service.context)

    with Gateway({"POST /webhooks/{source}": invoke}) as gateway:
        run = subprocess.run(  # noqa: S603 - our own words
            [*RUN[language], program],
            env={"PATH": os.environ["PATH"], "URL": f"{gateway.url}/webhooks/crm", "SECRET": secret},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert run.returncode == 0, run.stderr
    assert TWEET in run.stdout
    assert len(service.waiting) == 1


def test_the_example_of_the_secret_is_one(service: Service, output: pytest.CaptureFixture[str]) -> None:
    example = re.search(r"```json\n(\{.*?\n\})\n```", PAGE.read_text(), flags=re.DOTALL)
    assert example
    secrets = example[1].replace("whsec_...", STANDARD_SECRET).replace('"..."', f'"{TOKEN}"')
    service.set_sources(secrets)

    for source in ("crm", "zapier", "github", "slack"):
        assert service.hook(source, b"", {})["statusCode"] == 401

    assert "source_misconfigured" not in output.readouterr().out
