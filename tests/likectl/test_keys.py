"""``likectl key set`` and ``key rotate``."""

import json

import pytest

from local.faults import Fault
from tests.likectl.conftest import BRAND_KEY, KEY, NEW_KEY, FakeStack, likectl


def test_the_first_key_is_stored_bare(stack: FakeStack) -> None:
    run = likectl("key", "set", stdin=f"{KEY}\n")

    assert run.status == 0
    assert stack.secret == KEY
    assert stack.aisa.spent == 0


def test_another_accounts_key_joins_the_bare_one(stack: FakeStack) -> None:
    stack.secret = KEY

    assert likectl("key", "set", "--account", "brand-a", stdin=BRAND_KEY).status == 0

    assert json.loads(stack.secret) == {"default": KEY, "brand-a": BRAND_KEY}


def test_rotation_replaces_one_key_and_keeps_the_others(stack: FakeStack) -> None:
    stack.secret = json.dumps({"default": KEY, "brand-a": BRAND_KEY})

    run = likectl("key", "rotate", "--json", stdin=NEW_KEY)

    assert run.json == {"account": "default", "stored": True, "gateway": "accepted"}
    assert json.loads(stack.secret) == {"default": NEW_KEY, "brand-a": BRAND_KEY}


@pytest.mark.parametrize(
    ("command", "before", "given", "words"),
    [
        ("set", KEY, NEW_KEY, "likectl key rotate"),
        ("rotate", "{}", NEW_KEY, "likectl key set"),
        ("rotate", KEY, KEY, "stored already"),
        ("rotate", KEY, "two words", "not a key"),
        ("rotate", KEY, "", "not a key"),
        ("rotate", KEY, "sk-that-nobody-gave-out", "does not accept this key"),
        ("rotate", "[1]", NEW_KEY, "does not accept this key"),
    ],
)
def test_what_must_not_be_stored_changes_nothing(
    stack: FakeStack, command: str, before: str, given: str, words: str
) -> None:
    stack.secret = before
    if before == "[1]":
        stack.aisa.revoke_key(NEW_KEY)

    run = likectl("key", command, stdin=given)

    assert run.status in {2, 6}
    assert words in run.err
    assert not given or given not in run.out + run.err
    assert stack.secret == before


@pytest.mark.usefixtures("stack")
def test_a_key_on_the_command_line_is_refused_and_not_repeated() -> None:
    run = likectl("key", "set", NEW_KEY)

    assert run.status == 2
    assert "Revoke it" in run.err


def test_a_gateway_that_is_away_does_not_keep_a_key_from_being_stored(stack: FakeStack) -> None:
    stack.aisa.misbehave(Fault.lost(), times=3)

    run = likectl("key", "set", stdin=KEY)

    assert run.status == 0
    assert "did not confirm" in run.out
    assert stack.secret == KEY
