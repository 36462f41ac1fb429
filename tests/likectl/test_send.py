"""``likectl send``."""

import json
from pathlib import Path

import boto3
import pytest

from likectl import queue
from tests.likectl.conftest import KEY, FakeStack, likectl

FORMATS = {
    "text.txt": "\n# approved on Monday\n20\nhttps://x.com/jack/status/21?s=20\n\n 22 \n20\n",
    "bom.txt": "\ufeff20\r\n21\r\n22\r\n20\r\n",
    "column.csv": "tweet_id\n20\n21\n22\n20\n",
    "semicolons.csv": 'Name;Tweet_URL\n"a;b";https://x.com/a/status/20\nc;https://x.com/a/status/21\nd;22\ne;20\n',
    "text_with_newlines.csv": 'text,url\n"one\ntwo",https://x.com/a/status/20\n"three",21\n,22\n,20\n',
    "lines.jsonl": '{"tweet_id": "20"}\n"21"\n\n{"tweet_url": "https://x.com/a/status/22", "more": 1}\n{"tweet_id":"20"}\n',
}


def tweets(stack: FakeStack) -> list[str]:
    return [json.loads(message.body)["tweet_id"] for message in stack.queued]


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_of_any_format_is_queued_each_tweet_once(stack: FakeStack, tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_text(FORMATS[name], newline="")

    run = likectl("send", str(file), "--json")

    assert run.status == 0
    assert tweets(stack) == ["20", "21", "22"]
    assert run.json["duplicates"] == 1
    assert run.json["queued"] == 3


def test_standard_input_ids_and_links_come_together(stack: FakeStack) -> None:
    assert likectl("send", "19", "-", "https://x.com/a/status/22", stdin="20\n21\n").status == 0

    assert tweets(stack) == ["19", "20", "21", "22"]


def test_messages_are_those_that_the_functions_send(stack: FakeStack, tmp_path: Path) -> None:
    file = tmp_path / "tweets.csv"
    file.write_text("tweet_id,account\n20,brand-a\n20,\n")

    assert likectl("send", str(file), "--account", "brand-b").status == 0
    assert likectl("send", str(file), "--account", "brand-b").status == 0, "the queue swallows it for five minutes"

    assert [(message.group, json.loads(message.body)) for message in stack.queued] == [
        ("brand-a", {"tweet_id": "20", "account": "brand-a"}),
        ("brand-b", {"tweet_id": "20", "account": "brand-b"}),
    ]


def test_what_is_refused_is_told_by_its_place_and_never_shown(stack: FakeStack, tmp_path: Path) -> None:
    file = tmp_path / "tweets.txt"
    file.write_text(f"20\n{KEY}\nhttps://t.co/abc\n1.34689E+18\n20,21\n\x1b[31m\n21\n")

    run = likectl("send", str(file))

    assert run.status == 1
    assert tweets(stack) == ["20", "21"]
    for line, code in ((2, "invalid_tweet_id"), (3, "shortened_url"), (4, "invalid_tweet_id"), (5, "invalid_tweet_id")):
        assert f"tweets.txt:{line}  {code}" in run.err
    assert "\x1b[31m" not in run.err


def test_json_lines_are_checked_like_messages(stack: FakeStack) -> None:
    lines = ['{"tweet_id": 1346889436626259968}', "{", "[]", '{"account": "a"}', '{"tweet_id": "20", "account": "a b"}']

    run = likectl("send", "-", "--json", stdin="\n".join(lines))

    assert [refusal["code"] for refusal in run.json["refused"]] == [
        "tweet_id_not_a_string",
        "invalid_json",
        "tweet_missing",
        "tweet_missing",
        "invalid_account",
    ]
    assert not stack.queued


@pytest.mark.parametrize("arguments", [["no-such-file.txt"], ["sk-live-0123456789-of-the-owner"], ["/"], ["20", "012"]])
def test_an_argument_that_is_nothing_sends_nothing(stack: FakeStack, arguments: list[str]) -> None:
    run = likectl("send", *arguments)

    assert run.status == 2
    assert len(run.err.splitlines()) == 1
    assert not stack.queued


def test_a_dry_run_says_what_it_would_cost_and_take(stack: FakeStack, tmp_path: Path) -> None:
    file = tmp_path / "tweets.txt"
    file.write_text("\n".join(str(number) for number in range(1_000, 2_101)))

    run = likectl("send", str(file), "--dry-run")

    assert not stack.queued
    assert "1,101 likes: 16.515 USD at most, and at least 1 d by an account's limits (50 in 15 min" in run.err
    assert likectl("send", str(file), "--dry-run", "--json").json["seconds"] == 86_400 + 2 * 900


@pytest.mark.usefixtures("stack")
def test_more_than_can_be_made_in_time_is_told() -> None:
    run = likectl("send", "-", "--dry-run", stdin="\n".join(str(number) for number in range(1, 13_011)))

    assert "10 likes can not be made in 13 days" in run.err


def test_entries_that_fail_in_passing_are_sent_again(stack: FakeStack) -> None:
    entries = iter(range(1_000))
    stack.sqs.refuse = lambda action: action == "SendMessageEntry" and next(entries) in {0, 11, 12}

    run = likectl("send", "-", "--json", stdin="\n".join(str(number) for number in range(20, 55)))

    assert run.json["queued"] == 35
    assert sorted(tweets(stack), key=int) == [str(number) for number in range(20, 55)]


def test_what_the_queue_does_not_take_is_reported(stack: FakeStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "_PAUSE_SECONDS", 0.0)
    entries = iter(range(1_000))
    stack.sqs.refuse = lambda action: action == "SendMessageEntry" and next(entries) >= 10

    run = likectl("send", "-", stdin="\n".join(str(number) for number in range(20, 33)))

    assert run.status == 1
    assert "Queued 10 likes." in run.out
    assert "Refused: 3 ServiceUnavailable" in run.err
    assert "30     ServiceUnavailable  SQS did not take it." in run.err


def test_a_run_that_broke_off_says_how_to_go_on(stack: FakeStack) -> None:
    batches = iter(range(1_000))
    stack.sqs.refuse = lambda action: action == "SendMessageBatch" and next(batches) >= 2
    lines = "\n".join(str(number) for number in range(20, 55))

    run = likectl("send", "-", stdin=lines)

    assert run.status == 6
    assert "20 of 35 are queued. To go on, run the same again with --skip 20." in run.err

    stack.sqs.refuse = lambda _action: False
    assert likectl("send", "-", "--skip", "20", "--json", stdin=lines).json["queued"] == 15
    assert tweets(stack) == [str(number) for number in range(20, 55)]


def test_thousands_take_calls_of_ten(stack: FakeStack) -> None:
    run = likectl("send", "-", "--json", stdin="\n".join(str(number) for number in range(1, 3_001)))

    assert run.json["queued"] == 3_000
    assert stack.sqs.calls.count("SendMessageBatch") == 300


def test_a_queue_of_the_users_own_is_found(stack: FakeStack) -> None:
    stack.sqs.create("their-own")
    boto3.client("lambda").update_function_configuration(
        FunctionName="worker",
        Environment={"Variables": {"LIKE_QUEUE_URL": f"{stack.sqs.url}/1/their-own", "STATE_TABLE": "ledger"}},
    )
    template = json.loads((Path(__file__).parent / "stack.json").read_text())
    del template["Outputs"]["LikeQueueUrl"]
    boto3.client("cloudformation").update_stack(
        StackName="tweet-likes",
        TemplateBody=json.dumps(template),
        Parameters=[
            {"ParameterKey": name, "UsePreviousValue": True}
            for name in ("AisaBaseUrl", "AisaSecretArn", "WebhookSecretArn")
        ],
    )

    assert likectl("send", "20").status == 0

    assert [message.body for message in stack.sqs.queue("their-own").messages] == [
        '{"tweet_id": "20", "account": "default"}'
    ]
