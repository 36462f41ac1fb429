"""The story is told to a stack that is only named, too, as to one on AWS; here it is the emulator's."""

import os
import subprocess
import sys

import pytest

from local.build import PROJECT
from tests.deployed.conftest import Deployed, together

pytestmark = [*together, pytest.mark.simulated]


@pytest.mark.parametrize(("tweets", "told"), [("2001 2002 2003 2004", "9 passed"), ("", "5 passed")])
def test_the_story_is_told_to_a_stack_by_its_name(service: Deployed, tweets: str, told: str) -> None:
    named = {
        "STACK_NAME": service.stack.name,
        "TWEETS": tweets,
        "API_URL": service.url,
        "AWS_ENDPOINT_URL": str(service.stack.endpoint),
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    command = [sys.executable, "-m", "pytest", "--numprocesses=0", "--force-enable-socket", "tests/deployed"]

    run = subprocess.run(command, cwd=PROJECT, env=os.environ | named, capture_output=True, text=True, check=False)  # noqa: S603 - our own words

    assert run.returncode == 0, run.stdout
    assert told in run.stdout, run.stdout
