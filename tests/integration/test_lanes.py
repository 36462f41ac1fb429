"""The worker's lanes, against a queue with real groups, visibility and receive counts, in a time that can be moved."""

import json
from collections import Counter
from typing import NoReturn

import pytest

from likes.lanes import LaneWorker
from likes.liking import Liker
from likes.queues import LikeQueue, RejectedQueue
from likes.worker import make_handler
from local.faults import Fault
from tests.conftest import Service

HOUR = 3600.0
DAY = 24 * HOUR


def send(service: Service, count: int, *, account: str = "default", start: int = 1) -> None:
    for number in range(start, start + count):
        service.send({"tweet_id": str(number), "account": account}, group=account)


def liked(service: Service, account: str = "default") -> set[str]:
    return set(service.aisa.likes.get(account, set()))


def calls(service: Service, tweet_id: str) -> int:
    return sum(call.tweet_id == tweet_id for call in service.aisa.calls)


def test_a_batch_is_liked_in_order(service: Service) -> None:
    send(service, 10)

    poll = service.poll()

    assert poll
    assert poll.answer == {"batchItemFailures": []}
    assert [call.tweet_id for call in service.aisa.calls] == [str(number) for number in range(1, 11)]
    assert not service.waiting


def test_a_wait_hides_the_whole_lane_with_one_visibility(service: Service) -> None:
    send(service, 10)
    service.aisa.misbehave(Fault.answer(429, "", headers={"Retry-After": "300"}), tweet_id="3")

    poll = service.poll()

    assert poll
    assert poll.answer
    assert len(poll.answer["batchItemFailures"]) == 8
    assert {message.hidden_until for message in service.waiting} == {service.clock() + 300}
    assert service.sqs.calls.count("ChangeMessageVisibilityBatch") == 1


def test_a_waiting_lane_costs_one_receive_a_wait_and_nothing_behind_it_is_received(service: Service) -> None:
    send(service, 30)
    service.aisa.misbehave(Fault.answer(429, "", headers={"Retry-After": "3600"}), times=3)

    service.drain(seconds=3 * HOUR - 1)

    receives = Counter(message.receives for message in service.waiting)
    assert receives == {3: 10, 0: 20}
    assert len(service.aisa.calls) == 3


def test_another_lane_is_not_slowed(service: Service) -> None:
    service.aisa.misbehave(Fault.answer(402, ""), times=10_000, account="default")
    send(service, 20)
    send(service, 20, account="brand-a", start=101)

    service.drain(seconds=60)

    assert len(liked(service, "brand-a")) == 20
    assert not liked(service)


def test_the_limits_are_met_without_a_single_429(service: Service) -> None:
    send(service, 70)

    service.drain(seconds=2 * 920)

    assert len(liked(service)) == 70
    assert {call.status for call in service.aisa.calls} == {200}


def test_a_wait_of_days_is_taken_in_steps(service: Service) -> None:
    send(service, 2)
    headers = {"Retry-After": str(int(2 * DAY))}
    service.aisa.misbehave(Fault.answer(429, {"error": {"code": "quota_exceeded"}}, headers=headers))

    polls = service.drain(seconds=2 * DAY - 1)

    assert polls == 5
    assert len(service.aisa.calls) == 1
    service.drain()
    assert liked(service) == {"1", "2"}


def test_rejects_reach_the_rejected_queue_before_they_leave_the_lane(service: Service) -> None:
    service.send("not json")
    service.sqs.refuse = lambda action: action == "SendMessage"

    service.poll()

    assert len(service.waiting) == 1
    assert not service.rejected
    service.sqs.refuse = lambda _action: False
    service.drain()
    (rejected,) = service.rejected
    assert (rejected["Reason"], rejected["body"]) == ("invalid_json", "not json")
    assert not service.waiting


def test_poison_does_not_stop_a_lane(service: Service) -> None:
    service.send("{")
    service.send({"tweet_id": 5})
    service.send({"tweet_id": "7", "account": "nobody"})
    service.send({"tweet_id": "8"})

    service.poll()

    assert [rejected["Reason"] for rejected in service.rejected] == [
        "invalid_json",
        "tweet_id_not_a_string",
        "unknown_account",
    ]
    assert liked(service) == {"8"}


@pytest.mark.parametrize(
    "body",
    [
        {"Type": "Notification", "TopicArn": "arn:aws:sns:eu-west-1:1:t", "Message": json.dumps({"tweet_id": "9"})},
        {"version": "0", "detail-type": "Like", "source": "crm", "detail": {"tweet_id": "9"}},
        {"tweet_id": "9", "note": "a field nobody knows"},
    ],
    ids=["sns", "eventbridge", "unknown field"],
)
def test_a_wrapped_body_is_unwrapped(service: Service, body: object) -> None:
    service.send(body)

    service.drain()

    assert liked(service) == {"9"}


def test_what_is_left_when_time_runs_short_is_released_at_once(service: Service) -> None:
    send(service, 5)
    service.context.seconds = 10

    poll = service.poll()

    assert poll
    assert poll.answer
    assert len(poll.answer["batchItemFailures"]) == 5
    assert all(message.hidden_until == service.clock() for message in service.waiting)
    assert service.aisa.calls == []


def test_a_visibility_that_sqs_refuses_is_asked_for_again(service: Service, output: pytest.CaptureFixture[str]) -> None:
    send(service, 3)
    service.aisa.misbehave(Fault.answer(402, ""))
    refusals = iter([True])
    service.sqs.refuse = lambda action: action == "ChangeMessageVisibilityEntry" and next(refusals, False)

    service.poll()

    assert {message.hidden_until for message in service.waiting} == {service.clock() + 60}
    assert "queue_failure" not in output.readouterr().out


def test_a_visibility_that_sqs_goes_on_refusing_is_told_and_loses_nothing(
    service: Service, output: pytest.CaptureFixture[str]
) -> None:
    send(service, 3)
    service.aisa.misbehave(Fault.answer(402, ""))
    service.sqs.refuse = lambda action: action == "ChangeMessageVisibilityBatch"

    service.poll()

    assert '"reason":"hide_failed"' in output.readouterr().out
    service.sqs.refuse = lambda _action: False
    service.drain()
    assert liked(service) == {"1", "2", "3"}


def test_a_tweet_that_always_fails_among_good_ones_is_rejected_alone(service: Service) -> None:
    service.aisa.misbehave(Fault.answer(500, ""), times=10_000, tweet_id="1")
    send(service, 10)

    service.drain(seconds=60)

    assert liked(service) == {str(number) for number in range(2, 11)}
    assert [(rejected["TweetId"], rejected["Reason"]) for rejected in service.rejected] == [("1", "upstream_error")]
    assert calls(service, "1") == 3 * 4, "three attempts and one to be sure, of three calls each"
    assert service.get("1")["json"]["status"] == "rejected"


def test_a_tweet_that_is_forbidden_among_good_ones_is_rejected_alone(service: Service) -> None:
    service.aisa.misbehave(Fault.answer(403, ""), times=10_000, tweet_id="1")
    send(service, 10)

    service.drain(seconds=HOUR)

    assert liked(service) == {str(number) for number in range(2, 11)}
    assert [rejected["Reason"] for rejected in service.rejected] == ["forbidden"]


def test_without_a_neighbour_nobody_is_blamed(service: Service) -> None:
    service.aisa.misbehave(Fault.answer(409, ""), times=10_000)
    send(service, 1)

    service.drain(seconds=6 * HOUR)

    assert len(service.waiting) == 1
    assert not service.rejected


def test_who_fails_for_too_long_is_given_up(service: Service) -> None:
    service.restart(GIVE_UP_AFTER_HOURS="2")
    service.aisa.misbehave(Fault.answer(409, ""), times=1_000_000)
    send(service, 2)

    service.drain(seconds=2 * HOUR)
    assert not service.rejected
    service.drain()

    assert {rejected["Reason"] for rejected in service.rejected} == {"gave_up"}
    assert not service.waiting


def test_who_waits_for_its_turn_is_not_given_up(service: Service) -> None:
    service.restart(LIKES_PER_DAY="10")
    send(service, 50)

    service.drain()

    assert len(liked(service)) == 50
    assert not service.rejected


def test_the_spent_share_of_the_gateways_window_is_left_alone(service: Service) -> None:
    headers = {
        "X-RateLimit-Limit-Requests": "60",
        "X-RateLimit-Remaining-Requests": "5",
        "X-RateLimit-Reset-Requests": str(int(service.clock()) + 40),
    }
    service.aisa.misbehave(Fault.answer(200, {"data": {"liked": True}}, headers=headers))
    send(service, 3)

    service.poll()

    assert {message.hidden_until for message in service.waiting} == {service.clock() + 40}
    assert len(service.aisa.calls) == 1


def test_a_standard_queue_works_with_jittered_waits_and_holds_save_the_calls(service: Service) -> None:
    url = service.sqs.create("mine", VisibilityTimeout="360")
    service.restart(LIKE_QUEUE_URL=url)
    for number in range(1, 31):
        service.send({"tweet_id": str(number)}, queue_url=url)
    service.aisa.misbehave(Fault.answer(429, "", headers={"Retry-After": "600"}), tweet_id="3")

    for _ in range(3):
        service.poll()

    assert len(service.aisa.calls) == 3
    waits = [message.hidden_until - service.clock() for message in service.waiting]
    assert len(waits) == 28
    assert all(600 <= wait <= 751 for wait in waits)
    assert len(set(waits)) > 5
    service.drain()
    assert len(liked(service)) == 30


class Defective(Liker):
    """A liker with a defect."""

    def __init__(self) -> None:
        """Build nothing."""

    def like(self, *_args: object, **_kwargs: object) -> NoReturn:
        raise ZeroDivisionError


def test_a_defect_costs_a_wait_and_is_told(service: Service, output: pytest.CaptureFixture[str]) -> None:
    queue = LikeQueue(service.queue_url, service.sqs_client)
    rejected = RejectedQueue(service.rejected_url, service.sqs_client)
    service.worker = make_handler(LaneWorker(Defective(), queue, rejected, give_up_after_hours=72, clock=service.clock))
    send(service, 2)

    service.poll()

    assert {message.hidden_until for message in service.waiting} == {service.clock() + 300}
    assert '"exception_name":"ZeroDivisionError"' in output.readouterr().out
