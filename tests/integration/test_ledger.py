"""The ledger against DynamoDB's protocol: never twice, never too many, and never in anybody's way."""

import socket
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import boto3
import pytest

from likes import ledger as ledger_module
from likes.dynamodb import DynamoDB
from likes.ledger import Ledger, LedgerUnavailable, Reservation, Status
from likes.outcomes import LIKED, Kind, Outcome
from likes.payload import LikeRequest
from likes.settings import Budget
from local.clock import VirtualClock
from tests.conftest import make_table

REQUEST = LikeRequest("1346889436626259968")


@pytest.fixture
def ledger(table: str, clock: VirtualClock) -> Ledger:
    """A ledger that is patient with an emulator under fifty threads; the patience of the real one has its own test."""
    budget = Budget(likes_per_window=20, likes_per_day=50)
    return Ledger(table, DynamoDB(boto3.Session(), read=30), budget, clock=clock)


def reserve(ledger: Ledger, request: LikeRequest = REQUEST, *, despite: str | None = None) -> Reservation:
    reservation = ledger.reserve(request, seconds=25, despite=despite)
    assert isinstance(reservation, Reservation), reservation
    return reservation


def refusal(ledger: Ledger, request: LikeRequest = REQUEST) -> Outcome:
    outcome = ledger.reserve(request, seconds=25)
    assert isinstance(outcome, Outcome), outcome
    return outcome


def like(ledger: Ledger, count: int, *, start: int = 1) -> None:
    for number in range(start, start + count):
        ledger.settle(reserve(ledger, LikeRequest(str(number))), LIKED)


@contextmanager
def deleted(table: str) -> Iterator[None]:
    """Delete the table, and make it anew, empty, at the end."""
    boto3.client("dynamodb").delete_table(TableName=table)
    try:
        yield
    finally:
        make_table(table)


def limited(clock: VirtualClock, seconds: float) -> Outcome:
    return Outcome(Kind.LIMITED, "rate_limited", retry_at=clock() + seconds)


def test_a_like_is_made_once(ledger: Ledger) -> None:
    ledger.settle(reserve(ledger), LIKED)

    assert refusal(ledger).kind is Kind.ALREADY_LIKED


def test_a_like_in_the_making_is_left_alone(ledger: Ledger, clock: VirtualClock) -> None:
    reserve(ledger)

    outcome = refusal(ledger)

    assert outcome.kind is Kind.IN_PROGRESS
    assert outcome.retry_at == clock() + 5


def test_a_like_whose_process_died_is_repeated_and_says_so(ledger: Ledger, clock: VirtualClock) -> None:
    reserve(ledger)
    clock.advance(25)

    again = reserve(ledger)

    assert again.repeated
    assert again.attempt == 2


def test_a_like_whose_process_dies_five_times_is_rejected_as_crashed(ledger: Ledger, clock: VirtualClock) -> None:
    for _ in range(ledger_module.CRASHES):
        reserve(ledger)
        clock.advance(25)

    assert refusal(ledger).reason == "crashed"
    record = ledger.find(REQUEST)
    assert record
    assert record.status is Status.REJECTED
    assert not reserve(ledger).repeated, "a rejected like can be asked for again"


def test_a_late_settling_does_not_undo_another(ledger: Ledger, clock: VirtualClock) -> None:
    late = reserve(ledger)
    clock.advance(25)
    ledger.settle(reserve(ledger), LIKED)

    ledger.settle(late, Outcome(Kind.UNAVAILABLE, "upstream_timeout"))

    assert refusal(ledger).kind is Kind.ALREADY_LIKED


def test_a_window_that_is_spent_says_until_when_and_starts_anew(ledger: Ledger, clock: VirtualClock) -> None:
    like(ledger, 20)

    outcome = refusal(ledger)

    assert outcome.reason == "window_spent"
    assert outcome.retry_at == clock() + 900 + ledger_module.WINDOW_SLACK_SECONDS
    clock.advance_to(outcome.retry_at)
    reserve(ledger)


def test_a_day_that_is_spent_says_until_when_and_starts_anew(ledger: Ledger, clock: VirtualClock) -> None:
    start = clock()
    for window in range(3):
        like(ledger, 20 if window < 2 else 10, start=1 + 20 * window)
        clock.advance(920)

    outcome = refusal(ledger)

    assert outcome.reason == "day_spent"
    assert outcome.retry_at == start + 86_400 + ledger_module.WINDOW_SLACK_SECONDS
    clock.advance_to(outcome.retry_at)
    reserve(ledger)


def test_accounts_have_budgets_of_their_own(ledger: Ledger) -> None:
    like(ledger, 20)

    reserve(ledger, replace(REQUEST, account="brand-a"))


def test_a_hold_stops_the_whole_account_until_it_is_over(ledger: Ledger, clock: VirtualClock) -> None:
    ledger.settle(reserve(ledger), limited(clock, 60))

    outcome = refusal(ledger, LikeRequest("2"))

    assert (outcome.kind, outcome.reason, outcome.retry_at) == (Kind.LIMITED, "rate_limited", clock() + 60)
    clock.advance(60)
    assert reserve(ledger, LikeRequest("2")).hold


def test_a_call_in_spite_of_a_hold_needs_to_name_its_reason(ledger: Ledger, clock: VirtualClock) -> None:
    ledger.settle(reserve(ledger), Outcome(Kind.BLOCKED, "forbidden", retry_at=clock() + 60))

    assert isinstance(ledger.reserve(LikeRequest("2"), seconds=25, despite="key_refused"), Outcome)
    reserve(ledger, LikeRequest("2"), despite="forbidden")


def test_a_success_clears_the_hold(ledger: Ledger, clock: VirtualClock) -> None:
    ledger.settle(reserve(ledger), Outcome(Kind.BLOCKED, "forbidden", retry_at=clock() + 60))

    ledger.settle(reserve(ledger, LikeRequest("2"), despite="forbidden"), LIKED)

    assert reserve(ledger, LikeRequest("3")).hold is None


def test_a_like_that_leaves_little_of_the_window_holds_the_account(ledger: Ledger, clock: VirtualClock) -> None:
    ledger.settle(reserve(ledger), replace(LIKED, pause_until=clock() + 30))

    outcome = refusal(ledger, LikeRequest("2"))

    assert (outcome.reason, outcome.retry_at) == ("nearly_limited", clock() + 30)


def test_failures_are_counted_over_attempts(ledger: Ledger) -> None:
    ledger.settle(reserve(ledger), Outcome(Kind.UNAVAILABLE, "upstream_error", failures=1))

    again = reserve(ledger)

    assert (again.attempt, again.failures) == (2, 1)


def test_a_waiting_like_can_be_rejected(ledger: Ledger) -> None:
    ledger.settle(reserve(ledger), Outcome(Kind.UNAVAILABLE, "upstream_error", failures=1))

    ledger.reject(REQUEST, "gave_up")

    record = ledger.find(REQUEST)
    assert record
    assert (record.status, record.reason) == (Status.REJECTED, "gave_up")


def test_items_expire(ledger: Ledger, clock: VirtualClock, table: str) -> None:
    like(ledger, 1)

    items = boto3.client("dynamodb").scan(TableName=table)["Items"]

    assert [int(item["expires_at"]["N"]) for item in items] == [int(clock() + 30 * 86_400)] * 2


def test_fifty_threads_on_one_tweet_get_one_reservation(ledger: Ledger) -> None:
    with ThreadPoolExecutor(50) as pool:
        results = list(pool.map(lambda _: ledger.reserve(REQUEST, seconds=25), range(50)))

    assert sum(isinstance(result, Reservation) for result in results) == 1
    assert {result.kind for result in results if isinstance(result, Outcome)} == {Kind.IN_PROGRESS}


def test_fifty_threads_on_fifty_tweets_do_not_overspend(ledger: Ledger, table: str) -> None:
    def reserve_one(number: int) -> Reservation | Outcome:
        while True:  # until it is known: a busy account is asked again, as a caller would
            result = ledger.reserve(LikeRequest(str(number + 1)), seconds=25)
            if not (isinstance(result, Outcome) and result.reason == "ledger_busy"):
                return result

    with ThreadPoolExecutor(50) as pool:
        results = list(pool.map(reserve_one, range(50)))

    reasons = Counter(result.reason if isinstance(result, Outcome) else "reserved" for result in results)
    assert reasons == {"reserved": 20, "window_spent": 30}
    account = boto3.client("dynamodb").get_item(TableName=table, Key={"pk": {"S": "account#default"}})["Item"]
    assert account["window_used"]["N"] == "20"


def test_a_table_that_is_gone_is_told_by_its_code(ledger: Ledger, clock: VirtualClock, table: str) -> None:
    with deleted(table):
        with pytest.raises(LedgerUnavailable, match="ResourceNotFoundException"):
            ledger.reserve(REQUEST, seconds=25)
        with pytest.raises(LedgerUnavailable, match="skipped"):
            ledger.reserve(REQUEST, seconds=25)

    clock.advance(ledger_module.SKIP_SECONDS)
    reserve(ledger)


def test_a_ledger_that_is_silent_costs_less_than_a_second(clock: VirtualClock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        started = time.monotonic()

        with pytest.raises(LedgerUnavailable, match="ReadTimeoutError"):
            Ledger("state", DynamoDB(boto3.Session(), url), Budget(), clock=clock).reserve(REQUEST, seconds=25)

        assert time.monotonic() - started < 1


def test_after_a_429_the_window_opens_when_xs_does(ledger: Ledger, clock: VirtualClock) -> None:
    like(ledger, 5)
    ledger.settle(reserve(ledger), limited(clock, 60))
    clock.advance(60)

    for number in range(6, 26):
        ledger.settle(reserve(ledger, LikeRequest(str(number))), LIKED)

    outcome = refusal(ledger, LikeRequest("26"))
    assert outcome.reason == "window_spent"
    assert outcome.retry_at == clock() + 900 + ledger_module.WINDOW_SLACK_SECONDS


def test_what_is_liked_while_the_ledger_is_away_is_recorded_when_it_is_back(
    ledger: Ledger, clock: VirtualClock, table: str
) -> None:
    like(ledger, 1)
    ledger.settle(Reservation(REQUEST), replace(LIKED, upstream_ms=1.0))

    assert refusal(ledger).kind is Kind.ALREADY_LIKED
    reserve(ledger, LikeRequest("2"))

    record = ledger.find(REQUEST)
    assert record
    assert record.status is Status.LIKED
    account = boto3.client("dynamodb").get_item(TableName=table, Key={"pk": {"S": "account#default"}})["Item"]
    assert (account["window_used"]["N"], account["day_used"]["N"]) == ("3", "3")
    clock.advance(1)
    assert refusal(ledger).kind is Kind.ALREADY_LIKED


def test_a_like_that_could_not_be_settled_is_kept_in_mind(ledger: Ledger, clock: VirtualClock, table: str) -> None:
    reservation = reserve(ledger)
    with deleted(table):
        with pytest.raises(LedgerUnavailable):
            ledger.settle(reservation, LIKED)

        assert refusal(ledger).kind is Kind.ALREADY_LIKED

    clock.advance(30)
    reserve(ledger, LikeRequest("2"))

    record = ledger.find(REQUEST)
    assert record
    assert record.status is Status.LIKED
