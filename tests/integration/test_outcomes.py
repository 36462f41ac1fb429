"""Every row of the table of outcomes, over HTTP and from the queue, against a gateway that misbehaves on purpose."""

import json
import time
from dataclasses import dataclass
from typing import Any

import pytest

from local.faults import Fault
from tests.conftest import KEY, TWEET, Service

LIKE = {"tweet_id": TWEET}


@dataclass(frozen=True)
class Row:
    """One way in which the gateway can answer, and what must come of it."""

    name: str
    fault: Fault
    status: int
    code: str
    outcome: str
    calls: int = 1
    retry_after: bool = False


def error(code: str, message: str = "") -> dict[str, Any]:
    return {"error": {"type": "error", "code": code, "message": message, "request_id": "req_1"}}


ROWS = [
    Row("bad request", Fault.answer(400, error("invalid-request")), 400, "invalid_request", "rejected"),
    Row("x can not find it", Fault.answer(400, {"detail": "This tweet cannot be found."}), 404, "tweet_not_found", "rejected"),
    Row("key refused", Fault.answer(401, error("revoked_api_key")), 503, "key_refused", "blocked", retry_after=True),
    Row("no balance", Fault.answer(402, {"code": 402, "msg": "x", "data": None}), 503, "balance_exhausted", "blocked", retry_after=True),
    Row("no scope", Fault.answer(403, error("client-forbidden")), 503, "forbidden", "blocked", retry_after=True),
    Row("region", Fault.answer(403, error("region_blocked")), 503, "forbidden", "blocked", retry_after=True),
    Row("author blocked us", Fault.answer(403, {"detail": "You have been blocked from liking it."}), 422, "author_blocked", "rejected"),
    Row("protected", Fault.answer(403, {"detail": "Tweet is not visible to you."}), 404, "tweet_not_visible", "rejected"),
    Row("no such tweet", Fault.answer(404, "<html>Not found</html>"), 404, "tweet_not_found", "rejected"),
    Row("conflict", Fault.answer(409, error("request_in_progress")), 502, "conflict", "unavailable", retry_after=True),
    Row("unprocessable", Fault.answer(422, error("unsupported_parameter")), 422, "unprocessable", "rejected"),
    Row("key wanted in body", Fault.answer(422, error("x", "aisa_api_key is required")), 503, "key_wanted_in_body", "blocked", retry_after=True),
    Row("limit", Fault.answer(429, error("rate_limit_exceeded"), headers={"Retry-After": "77"}), 429, "rate_limited", "limited", retry_after=True),
    Row("quota", Fault.answer(429, error("quota_exceeded")), 429, "quota_exceeded", "limited", retry_after=True),
    Row("server error", Fault.answer(500, ""), 502, "upstream_error", "unavailable", calls=3, retry_after=True),
    Row("bad gateway", Fault.answer(502, "<html>"), 502, "upstream_error", "unavailable", calls=3, retry_after=True),
    Row("teapot", Fault.answer(418, ""), 502, "unexpected_status", "unavailable", retry_after=True),
    Row("redirect", Fault.redirect("http://127.0.0.1:1/elsewhere"), 502, "unexpected_status", "unavailable", retry_after=True),
    Row("not liked", Fault.answer(200, {"data": {"liked": False}}), 502, "unexpected_answer", "unavailable", calls=3, retry_after=True),
    Row("liked, says a string", Fault.answer(200, {"data": {"liked": "true"}}), 502, "unexpected_answer", "unavailable", calls=3, retry_after=True),
    Row("error in a 200", Fault.answer(200, {"code": 402, "data": {"liked": True}}), 502, "unexpected_answer", "unavailable", calls=3, retry_after=True),
    Row("html in a 200", Fault.answer(200, "<html>welcome</html>"), 502, "unexpected_answer", "unavailable", calls=3, retry_after=True),
    Row("half a json", Fault.answer(200, '{"data": {"liked": tr'), 502, "unexpected_answer", "unavailable", calls=3, retry_after=True),
    Row("nothing", Fault.answer(200, ""), 502, "unexpected_answer", "unavailable", calls=3, retry_after=True),
    Row("a deep json", Fault.answer(200, "[" * 60_000), 502, "unexpected_answer", "unavailable", calls=3, retry_after=True),
    Row("reset", Fault.lost(), 502, "upstream_unreachable", "unavailable", calls=3, retry_after=True),
    Row("reset midway", Fault.lost(midway=True), 502, "upstream_unreachable", "unavailable", calls=3, retry_after=True),
    Row("garbage", Fault.nonsense(), 502, "upstream_unreachable", "unavailable", calls=3, retry_after=True),
    Row("silence", Fault.silence(30), 504, "upstream_timeout", "unavailable", retry_after=True),
    Row("50 MB", Fault.huge(50_000_000), 502, "oversized_answer", "unavailable", retry_after=True),
]  # fmt: skip

every_row = pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])


def lines(output: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Return the lines that the functions wrote, log and metrics, in none of which is the key."""
    written = output.readouterr()
    assert KEY not in written.out + written.err
    return [json.loads(line) for line in written.out.splitlines() if line.startswith("{")]


def metrics_in(written: list[dict[str, Any]]) -> set[str]:
    return {
        metric["Name"]
        for line in written
        if "_aws" in line
        for directive in line["_aws"]["CloudWatchMetrics"]
        for metric in directive["Metrics"]
    }


@every_row
def test_over_http(row: Row, service: Service, output: pytest.CaptureFixture[str]) -> None:
    service.aisa.misbehave(row.fault, times=row.calls)

    answer = service.post(LIKE)

    assert (answer["statusCode"], answer["json"]["code"]) == (row.status, row.code)
    assert answer["headers"]["content-type"] == "application/problem+json"
    assert ("retry-after" in answer["headers"]) == row.retry_after
    assert len(service.aisa.calls) == row.calls
    assert KEY not in json.dumps(answer)
    written = lines(output)
    (line,) = [line for line in written if line.get("message") == "like"]
    assert (line["outcome"], line["reason"], line["trigger"]) == (row.outcome, row.code, "http")
    assert (line["account"], line["tweet_id"]) == ("default", TWEET)
    assert {row.outcome.capitalize(), "UpstreamLatency"} <= metrics_in(written)


@every_row
def test_from_the_queue(row: Row, service: Service, output: pytest.CaptureFixture[str]) -> None:
    service.aisa.misbehave(row.fault, times=row.calls)
    message_id = service.send(LIKE)
    service.clock.advance_to(service.clock() + 90)

    service.poll()

    assert len(service.aisa.calls) == row.calls
    if row.outcome == "rejected":
        (rejected,) = service.rejected
        assert rejected["Reason"] == row.code
        assert rejected["SourceMessageId"] == message_id
        assert (rejected["Account"], rejected["TweetId"]) == ("default", TWEET)
        assert rejected["ReceiveCount"] == "1"
        assert json.loads(rejected["body"]) == LIKE
        assert not service.waiting
    else:
        (waiting,) = service.waiting
        assert waiting.hidden_until > service.clock()
    written = lines(output)
    (line,) = [line for line in written if line.get("message") == "like"]
    assert (line["outcome"], line["reason"], line["trigger"]) == (row.outcome, row.code, "sqs")
    assert line["correlation_id"] == message_id
    assert line["queue_age_ms"] == 90_000
    assert (line.get("retry_at", 0) > service.clock()) == (row.outcome != "rejected")
    assert {row.outcome.capitalize(), "UpstreamLatency", "QueueAge"} <= metrics_in(written)


@every_row
def test_what_waits_is_liked_when_the_fault_is_over(row: Row, service: Service) -> None:
    service.aisa.misbehave(row.fault, times=row.calls)
    service.send(LIKE)

    service.drain()

    liked = TWEET in service.aisa.likes.get("default", set())
    assert liked == (row.outcome != "rejected")
    assert len(service.rejected) == (row.outcome == "rejected")


def test_a_like(service: Service, output: pytest.CaptureFixture[str]) -> None:
    answer = service.post(LIKE)

    assert answer["statusCode"] == 200
    assert answer["json"] == {"liked": True, "tweet_id": TWEET, "account": "default"}
    assert TWEET in service.aisa.likes["default"]
    (line,) = [line for line in lines(output) if line.get("message") == "like"]
    assert line["aisa_request_id"].startswith("req_")
    assert line["attempt"] == 1


def test_a_second_like_of_the_tweet_costs_nothing(service: Service) -> None:
    service.post(LIKE)

    answer = service.post(LIKE)

    assert answer["statusCode"] == 200
    assert answer["json"]["cached"] is True
    assert service.aisa.charges["default", TWEET] == 1


def test_most_of_50_mb_is_never_read(service: Service) -> None:
    service.aisa.misbehave(Fault.huge(50_000_000))

    service.post(LIKE)

    assert service.aisa.calls[0].bytes_sent < 10_000_000


@pytest.mark.parametrize("slow_head", [False, True], ids=["the body", "the headers"])
@pytest.mark.parametrize("seconds", [3.0, 30.0], ids=["before the function's end", "when the client has had enough"])
def test_an_answer_that_drips_in_is_given_up_in_time(service: Service, slow_head: bool, seconds: float) -> None:
    service.context.seconds = seconds
    service.aisa.misbehave(Fault.drip('{"data": {"liked": true}}' + " " * 10_000, pause=0.1, slow_head=slow_head))

    started = time.monotonic()
    answer = service.post(LIKE)

    assert (answer["statusCode"], answer["json"]["code"]) == (504, "upstream_timeout")
    assert service.aisa.calls[0].bytes_sent < 100, "it was not waited for to the end"
    assert time.monotonic() - started < seconds


def test_a_passing_fault_is_retried_at_once(service: Service) -> None:
    service.aisa.misbehave(Fault.answer(503, ""), times=2)

    assert service.post(LIKE)["statusCode"] == 200


def test_a_like_that_was_made_but_not_answered_is_safe_to_repeat(service: Service) -> None:
    service.aisa.misbehave(Fault.lost(after_like=True))

    assert service.post(LIKE)["statusCode"] == 200


def test_the_wait_is_the_one_that_the_answer_names(service: Service) -> None:
    service.aisa.misbehave(Fault.answer(429, "", headers={"Retry-After": "77"}))

    assert service.post(LIKE)["headers"]["retry-after"] == "77"


@pytest.mark.parametrize(
    "headers",
    [
        {"X-RateLimit-Remaining-Requests": "0", "X-RateLimit-Reset-Requests": "1700000100"},
        {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1700000100"},
        {"x-rate-limit-remaining": "0", "x-rate-limit-reset": "1700000100"},
        {"Retry-After": "Tue, 14 Nov 2023 22:15:00 GMT"},
    ],
    ids=["today's", "older", "x's", "a date"],
)
def test_the_moment_may_be_named_in_any_of_these_headers(service: Service, headers: dict[str, str]) -> None:
    service.aisa.misbehave(Fault.answer(429, "", headers=headers))

    assert service.post(LIKE)["headers"]["retry-after"] == "100"


@pytest.mark.parametrize("value", ["-5", "nan", "1e400", "9" * 400, "soon", "Tue, 99 Nov 2023 22:15:00 GMT", "²"])
def test_a_moment_that_makes_no_sense_counts_as_not_named(service: Service, value: str) -> None:
    headers = {"Retry-After": value.encode().decode("latin-1"), "X-RateLimit-Reset": value.encode().decode("latin-1")}
    service.aisa.misbehave(Fault.answer(429, "", headers=headers))

    assert service.post(LIKE)["headers"]["retry-after"] == "900"


def test_a_rotated_key_is_read_again_once(service: Service) -> None:
    service.post({"tweet_id": "1"})
    service.aisa.revoke_key(KEY)
    service.aisa.add_key("sk-new", "default")
    service.set_secret("sk-new")

    assert service.post({"tweet_id": "2"})["statusCode"] == 200
    assert [call.status for call in service.aisa.calls] == [200, 401, 200]


@pytest.mark.parametrize(
    ("value", "status", "code"),
    [
        (" ", 503, "key_not_set"),
        ("{}", 503, "key_not_set"),
        ('{"default": ""}', 503, "key_not_set"),
        ('{"default": ', 503, "key_malformed"),
        ('{"default": 5}', 503, "key_malformed"),
        ("two words", 503, "key_malformed"),
        ("line\nbreak", 503, "key_malformed"),
        ("schlüssel", 503, "key_malformed"),
        ('{"brand-a": "sk-x"}', 422, "unknown_account"),
    ],
)
def test_keys_that_are_none_are_told_apart(service: Service, value: str, status: int, code: str) -> None:
    service.set_secret(value)

    answer = service.post(LIKE)

    assert (answer["statusCode"], answer["json"]["code"]) == (status, code)
    assert service.aisa.calls == []


def test_a_secret_without_a_value_is_a_key_that_is_not_set(service: Service) -> None:
    service.secrets.create_secret(Name="empty")
    service.restart(AISA_SECRET_ID="empty")

    answer = service.post(LIKE)

    assert (answer["statusCode"], answer["json"]["code"]) == (503, "key_not_set")


def test_a_bare_key_is_the_default_accounts(service: Service) -> None:
    service.set_secret(f"{KEY}\n")

    assert service.post(LIKE)["statusCode"] == 200
    assert service.post(LIKE | {"account": "brand-a"})["json"]["code"] == "unknown_account"


def test_a_key_that_has_just_been_set_is_seen_at_once(service: Service) -> None:
    service.set_secret(KEY)
    service.post({"tweet_id": "1"})
    service.set_secret(json.dumps({"default": KEY, "new": KEY}))

    assert service.post({"tweet_id": "2", "account": "new"})["statusCode"] == 200


def test_each_account_likes_with_its_own_key(service: Service) -> None:
    service.post(LIKE | {"account": "brand-a"})

    assert set(service.aisa.likes) == {"brand-a"}


def test_one_accounts_cookies_never_come_with_anothers_key(service: Service) -> None:
    service.aisa.misbehave(Fault.answer(404, "", headers={"Set-Cookie": "session=default"}))
    service.post(LIKE)

    service.post(LIKE | {"account": "brand-a"})

    assert [call.with_cookie for call in service.aisa.calls] == [False, False]


def test_secrets_manager_out_of_reach_is_passing(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:1")
    service.restart()

    answer = service.post(LIKE)

    assert (answer["statusCode"], answer["json"]["code"]) == (502, "secret_unavailable")


def test_dynamodb_out_of_reach_stops_no_like(
    service: Service, monkeypatch: pytest.MonkeyPatch, output: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:1")
    service.restart()

    assert service.post(LIKE)["statusCode"] == 200
    assert service.get(TWEET)["json"]["code"] == "ledger_unavailable"
    assert "LedgerUnavailable" in metrics_in(lines(output))


def test_the_key_goes_into_the_body_only_when_asked(service: Service) -> None:
    service.post({"tweet_id": "1"})
    service.restart(AISA_KEY_IN_BODY="true")
    service.post({"tweet_id": "2"})

    assert [call.key_in_body for call in service.aisa.calls] == [False, True]


def test_a_refused_key_holds_the_account_for_everybody(service: Service) -> None:
    service.aisa.misbehave(Fault.answer(401, ""))
    service.post({"tweet_id": "1"})

    answer = service.post({"tweet_id": "2"})

    assert (answer["statusCode"], answer["json"]["code"]) == (503, "key_refused")
    assert len(service.aisa.calls) == 1


def test_blocks_double_up_to_an_hour(service: Service) -> None:
    service.aisa.misbehave(Fault.answer(402, ""), times=9)
    waits = []
    for _ in range(8):
        answer = service.post(LIKE)
        waits.append(int(answer["headers"]["retry-after"]))
        service.clock.advance(waits[-1])

    assert waits == [60, 120, 240, 480, 960, 1920, 3600, 3600]
