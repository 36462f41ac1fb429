"""``likectl failures``, ``redrive`` and ``drop``."""

import json

import pytest

from tests.likectl.conftest import FakeStack, likectl


def reject_some(stack: FakeStack) -> None:
    for number in range(20, 45):
        stack.reject(str(number), "tweet_not_found" if number % 5 else "unknown_account", account="brand-a")


def test_failures_shows_all_and_takes_nothing(stack: FakeStack) -> None:
    reject_some(stack)

    run = likectl("failures", "--json")

    lines = [json.loads(line) for line in run.out.splitlines()]
    assert [line["tweet_id"] for line in lines] == [str(number) for number in range(20, 45)]
    assert lines[0] | {"message_id": "", "rejected_at": 0} == {
        "message_id": "",
        "rejected_at": 0,
        "reason": "unknown_account",
        "detail": "Why it was rejected, in a sentence.",
        "account": "brand-a",
        "tweet_id": "20",
        "source_message_id": "source-20",
        "receive_count": 2,
        "body": '{"tweet_id": "20", "account": "brand-a"}',
    }
    assert len(stack.rejected) == 25
    assert stack.sqs.queue("rejected.fifo").counts()["ApproximateNumberOfMessagesNotVisible"] == "0", "given back"


def test_failures_can_be_of_one_reason(stack: FakeStack) -> None:
    reject_some(stack)

    run = likectl("failures", "--reason", "unknown_account")

    assert [line.split()[3] for line in run.out.splitlines()[1:] if line.startswith("2")] == [
        str(number) for number in range(20, 45, 5)
    ]
    assert "5 unknown_account" in run.err


def test_what_hides_behind_ten_of_a_group_is_told(stack: FakeStack) -> None:
    for number in range(20, 33):
        stack.reject(str(number), group="default")

    run = likectl("failures", "--json")

    assert len(run.out.splitlines()) == 10
    assert "About 3 more can not be seen now" in run.err


def test_redrive_sends_before_it_deletes(stack: FakeStack) -> None:
    reject_some(stack)

    run = likectl("redrive", "--json")

    assert run.json == {"redriven": 25, "came_back": 0, "refused": {}}
    assert not stack.rejected
    assert [json.loads(message.body)["tweet_id"] for message in stack.queued] == [str(n) for n in range(20, 45)]
    assert {message.group for message in stack.queued} == {"brand-a"}


def test_redrive_reaches_what_hides_behind_ten_of_a_group(stack: FakeStack) -> None:
    for number in range(20, 53):
        stack.reject(str(number), group="default")

    assert likectl("redrive", "--json").json["redriven"] == 33
    assert not stack.rejected


def test_deduplication_does_not_swallow_what_is_redriven(stack: FakeStack) -> None:
    assert likectl("send", "20").status == 0
    stack.sqs.queue("likes.fifo").delete(stack.sqs.queue("likes.fifo").receive(1, 30)[0].receipt)
    stack.reject("20")

    assert likectl("redrive").status == 0

    assert len(stack.queued) == 1


def test_what_the_queue_refuses_stays_rejected(stack: FakeStack) -> None:
    reject_some(stack)
    stack.sqs.refuse = lambda action: action == "SendMessageBatch"

    run = likectl("redrive")

    assert run.status == 6
    assert "0 messages of about 25 went back" in run.err
    assert len(stack.rejected) == 25
    assert not stack.queued
    assert stack.sqs.queue("rejected.fifo").counts()["ApproximateNumberOfMessagesNotVisible"] == "0"


def test_one_that_the_queue_will_never_take_stays_rejected_alone(stack: FakeStack) -> None:
    reject_some(stack)
    stack.reject("45", "invalid_json", body="\x00")

    run = likectl("redrive")

    assert run.status == 1
    assert "SQS refused 1 message (InvalidMessageContents). They stay rejected." in run.err
    assert len(stack.queued) == 25
    assert [message.body for message in stack.rejected] == ["\x00"]


def test_a_message_that_fails_in_passing_is_sent_again(stack: FakeStack) -> None:
    reject_some(stack)
    entries = iter(range(1_000))
    stack.sqs.refuse = lambda action: action == "SendMessageEntry" and next(entries) in {3, 4, 10}

    assert likectl("redrive", "--json").json == {"redriven": 25, "came_back": 0, "refused": {}}
    assert len(stack.queued) == 25


def test_what_can_not_be_deleted_is_kept(stack: FakeStack) -> None:
    reject_some(stack)
    stack.sqs.refuse = lambda action: action == "DeleteMessageEntry"

    assert likectl("redrive", "--limit", "10").status == 0

    assert len(stack.rejected) == 25


def test_redrive_of_one_reason_and_so_many(stack: FakeStack) -> None:
    reject_some(stack)

    assert likectl("redrive", "--reason", "unknown_account", "--limit", "3", "--json").json["redriven"] == 3

    assert [json.loads(message.body)["tweet_id"] for message in stack.queued] == ["20", "25", "30"]
    assert len(stack.rejected) == 22
    assert stack.sqs.queue("rejected.fifo").counts()["ApproximateNumberOfMessagesNotVisible"] == "0"


def test_what_is_rejected_again_meanwhile_is_not_redriven_for_ever(stack: FakeStack) -> None:
    reject_some(stack)

    def reject_again(action: str) -> bool:
        if action == "ReceiveMessage":
            likes = stack.sqs.queue("likes.fifo")
            for message in likes.receive(10, 30):
                likes.delete(message.receipt)
                stack.reject(json.loads(message.body)["tweet_id"], source=message.id)
        return False

    stack.sqs.refuse = reject_again

    run = likectl("redrive", "--json")

    assert run.json["redriven"] == 25
    assert run.json["came_back"] > 0
    assert run.status == 1
    assert len(stack.rejected) + len(stack.queued) == 25


def test_drop_asks_first(stack: FakeStack) -> None:
    reject_some(stack)

    run = likectl("drop")

    assert run.status == 2
    assert "Add --yes" in run.err
    assert len(stack.rejected) == 25


def test_drop_deletes_only_what_was_meant(stack: FakeStack) -> None:
    reject_some(stack)

    assert likectl("drop", "--reason", "unknown_account", "--yes", "--json").json == {"dropped": 5}

    assert {message.attributes["Reason"]["StringValue"] for message in stack.rejected} == {"tweet_not_found"}
    assert len(stack.rejected) == 20


@pytest.mark.usefixtures("stack")
def test_an_empty_queue_is_no_failure() -> None:
    assert likectl("failures").status == 0
    assert likectl("redrive", "--json").json == {"redriven": 0, "came_back": 0, "refused": {}}
    assert likectl("drop", "--json").json == {"dropped": 0}
