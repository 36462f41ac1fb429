"""Commands in a real terminal: what a person sees, at 80 and 120 columns, with colours and without."""

import json
import re
import threading
from pathlib import Path

import pytest
import segno

from local.sqs import QueuedMessage
from tests.likectl.conftest import BRAND_KEY, KEY, NEW_KEY, FakeStack, in_terminal, likectl, plain, shown

SLACK_SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
COLOURS = re.compile(r"\x1b\[[0-9;]*m")

pytestmark = [
    pytest.mark.parametrize(("columns", "colour"), [(80, False), (120, True)], ids=["80-NO_COLOR", "120-colour"]),
]


def widest(text: str) -> int:
    """Return the length of the longest line, but for those with an address, which nobody may break."""
    return max(len(line) for line in plain(text).splitlines() if "://" not in line)


def test_a_qr_code_holds_the_address(stack: FakeStack, tmp_path: Path, columns: int, colour: bool) -> None:
    stack.secret = KEY
    browser, opened = tmp_path / "browser", tmp_path / "opened"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {opened}.part && mv {opened}.part {opened}\n')
    browser.chmod(0o755)

    child = in_terminal("link", "--open", columns=columns, colour=colour, BROWSER=f"{browser} %s")
    text = shown(child)

    assert child.exitstatus == 0
    url = next(line for line in plain(text).splitlines() if line.startswith("http"))
    rows = [line for line in plain(text).splitlines() if set(line) & set("█▀▄")]
    light = [[half in above for half in row] for row in rows for above in ("█▀", "█▄")]
    modules = [[not is_light for is_light in row[4:-4]] for row in light[4:]]
    expected = [list(map(bool, row)) for row in segno.make(url, error="l").matrix]
    assert modules[: len(expected)] == expected
    assert opened.read_text() == url
    assert bool(COLOURS.search(text.replace("\x1b[0m", ""))) == colour


@pytest.mark.parametrize(("command", "before"), [("set", "{}"), ("rotate", KEY)])
def test_a_key_is_typed_unseen(stack: FakeStack, columns: int, colour: bool, command: str, before: str) -> None:
    stack.secret = before

    child = in_terminal("key", command, columns=columns, colour=colour)
    child.expect("AIsa key of default")
    child.waitnoecho()
    child.sendline(NEW_KEY)
    text = shown(child)

    assert child.exitstatus == 0
    assert "Stored the key of default" in text
    assert stack.secret == NEW_KEY


def test_a_key_that_is_not_typed_to_its_end_changes_nothing(stack: FakeStack, columns: int, colour: bool) -> None:
    child = in_terminal("key", "set", "--account", "brand-a", columns=columns, colour=colour)
    child.expect("AIsa key of brand-a")
    child.waitnoecho()
    child.send(BRAND_KEY)
    child.sendintr()
    text = shown(child)

    assert child.exitstatus == 130
    assert "Traceback" not in text
    with pytest.raises(stack.client("secretsmanager").exceptions.ResourceNotFoundException):
        _ = stack.secret


def test_a_senders_own_secret_is_typed_unseen(stack: FakeStack, columns: int, colour: bool) -> None:
    child = in_terminal("source", "add", "chat", "--scheme", "slack", columns=columns, colour=colour)
    child.expect("The sender's secret")
    child.waitnoecho()
    child.sendline(SLACK_SECRET)
    text = shown(child)

    assert child.exitstatus == 0
    assert SLACK_SECRET not in text
    assert stack.sources["chat"]["secrets"] == [SLACK_SECRET]


def test_drop_waits_for_yes(stack: FakeStack, columns: int, colour: bool) -> None:
    stack.reject("20")
    stack.reject("21", "unknown_account")

    child = in_terminal("drop", columns=columns, colour=colour)
    child.expect(re.escape("Delete 2 messages for good (1 tweet_not_found, 1 unknown_account)? [y/N]"))
    child.sendline("")
    assert "Nothing was dropped" in shown(child)
    assert len(stack.rejected) == 2

    child = in_terminal("drop", "--reason", "unknown_account", columns=columns, colour=colour)
    child.expect("Delete 1 message for good")
    child.sendline("y")
    assert "Dropped 1 message." in shown(child)

    assert [message.attributes["TweetId"]["StringValue"] for message in stack.rejected] == ["20"]


def test_send_shows_its_progress_and_stops_for_ctrl_c(
    stack: FakeStack, tmp_path: Path, columns: int, colour: bool
) -> None:
    file = tmp_path / "tweets.txt"
    file.write_text("\n".join(str(number) for number in range(20, 120)))
    batches, going_on = iter(range(100)), threading.Event()

    def halt(action: str) -> bool:
        if action == "SendMessageBatch" and next(batches) == 5:
            going_on.wait(30)
        return False

    stack.sqs.refuse = halt
    child = in_terminal("send", str(file), columns=columns, colour=colour)
    child.expect("100 likes: 1.500 USD at most")
    child.expect("50/100")
    child.sendintr()
    child.expect(re.escape("Stopped: 50 of 100 are queued. To go on, run the same again with --skip 50."))
    going_on.set()
    text = shown(child)

    assert child.exitstatus == 130
    assert "Traceback" not in text

    child = in_terminal("send", str(file), "--skip", "50", columns=columns, colour=colour)
    assert "Queued 50 likes." in shown(child)
    assert len(stack.queued) == 100, "what was on its way at Ctrl-C is not queued twice"


def test_redrive_shows_its_progress_and_loses_nothing_to_ctrl_c(stack: FakeStack, columns: int, colour: bool) -> None:
    everything = {str(number) for number in range(20, 45)}
    for tweet in everything:
        stack.reject(tweet)
    batches, reached, going_on = iter(range(100)), threading.Event(), threading.Event()

    def halt(action: str) -> bool:
        if action == "SendMessageBatch" and next(batches) == 1:
            reached.set()
            going_on.wait(30)
        return False

    stack.sqs.refuse = halt
    child = in_terminal("redrive", columns=columns, colour=colour)
    child.expect("10/25")
    assert reached.wait(30)
    child.sendintr()
    going_on.set()
    child.expect(r"Stopped: \d+ messages of about 25 went back into the queue\.")
    text = shown(child)

    assert child.exitstatus == 130
    assert "Traceback" not in text
    assert tweets(stack.queued) | tweets(stack.rejected) == everything
    assert stack.sqs.queue("rejected.fifo").counts()["ApproximateNumberOfMessagesNotVisible"] == "0", "given back"

    assert likectl("redrive").status == 0
    assert tweets(stack.queued) == everything
    assert not stack.rejected


def tweets(messages: list[QueuedMessage]) -> set[str]:
    return {json.loads(message.body)["tweet_id"] for message in messages}


@pytest.mark.parametrize(
    ("arguments", "environ", "status", "words"),
    [
        (["--stack", "nobodys"], {}, 3, "There is no stack nobodys in us-east-1."),
        ([], {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, 5, "AWS does not answer (EndpointConnectionError)."),
        (["--profile", "nobodys"], {}, 4, "There is no such profile."),
    ],
    ids=["stack", "network", "credentials"],
)
@pytest.mark.usefixtures("stack")
def test_what_is_missing_is_one_line(
    columns: int, colour: bool, arguments: list[str], environ: dict[str, str], status: int, words: str
) -> None:
    child = in_terminal("drop", *arguments, columns=columns, colour=colour, **environ)
    text = shown(child)

    assert child.exitstatus == status
    assert plain(text).startswith(f"likectl: {words}")
    assert len(plain(text).splitlines()) == 1
    assert bool(re.search(r"\x1b\[[0-9;]*31m", text)) == colour


@pytest.mark.parametrize("command", [["status"], ["failures"], ["source", "list"]])
def test_tables_fit_the_terminal(stack: FakeStack, columns: int, colour: bool, command: list[str]) -> None:
    stack.secret = KEY
    stack.sources = {"a-source-with-a-long-name": {"scheme": "token", "secrets": ["sixteen-letters-at-least"]}}
    stack.reject("1346889436626259968", account="an-account-with-quite-a-long-name-as-allowed-up-to-64-letters")
    stack.reject("1346889436626259969", "\x1b]0;a title\x07")

    child = in_terminal(*command, columns=columns, colour=colour)
    text = shown(child)

    assert child.exitstatus == 0
    assert widest(text) <= columns
    assert "\x1b]0;" not in text
    if not colour:
        assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", text)
    if command == ["failures"]:
        assert "1346889436626259968" in plain(text), "an id is never broken"


def test_watch_goes_on_until_ctrl_c(stack: FakeStack, columns: int, colour: bool) -> None:
    stack.secret = KEY

    child = in_terminal("status", "--watch", columns=columns, colour=colour)
    child.expect("0/1,000")
    child.sendintr()
    text = shown(child)

    assert child.exitstatus == 130
    assert "Traceback" not in text
