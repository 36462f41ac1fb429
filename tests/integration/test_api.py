"""The HTTP function's own protocol: bodies, queueing, and what is known of a like."""

import base64
import json
from typing import Any

import pytest

from local.faults import Fault
from tests.conftest import TWEET, Service

LIKE = {"tweet_id": TWEET}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("", "invalid_json"),
        ("{", "invalid_json"),
        ("[" * 100_000, "invalid_json"),
        ("9" * 5_000, "invalid_json"),
        ("null", "invalid_payload"),
        ("[]", "invalid_payload"),
        ("{}", "invalid_payload"),
        ({"tweet_id": TWEET, "tweet_url": f"https://x.com/a/status/{TWEET}"}, "invalid_payload"),
        ({"tweet_id": 1346889436626259968}, "tweet_id_not_a_string"),
        ({"tweet_id": "0"}, "invalid_tweet_id"),
        ({"tweet_id": "01"}, "invalid_tweet_id"),
        ({"tweet_id": "1" * 20}, "invalid_tweet_id"),
        ({"tweet_id": "\uff11\uff12"}, "invalid_tweet_id"),
        ({"tweet_id": "12\n"}, "invalid_tweet_id"),
        ({"tweet_id": None}, "invalid_tweet_id"),
        ({"tweet_url": "https://t.co/abc"}, "shortened_url"),
        ({"tweet_url": "https://x.com.evil.example/a/status/1"}, "invalid_tweet_url"),
        ({"tweet_url": 5}, "invalid_tweet_url"),
        ({"tweet_id": TWEET, "account": ""}, "invalid_account"),
        ({"tweet_id": TWEET, "account": "a/b"}, "invalid_account"),
        ({"tweet_id": TWEET, "acount": "brand-a"}, "unknown_field"),
    ],
)
def test_a_bad_body_is_a_400_with_its_code(service: Service, body: Any, code: str) -> None:
    answer = service.post(body)

    assert (answer["statusCode"], answer["json"]["code"]) == (400, code)
    assert service.aisa.calls == []


def test_an_error_never_quotes_what_was_sent(service: Service, output: pytest.CaptureFixture[str]) -> None:
    answer = service.post({"tweet_id": "sk-pasted-into-the-wrong-field", "sk-or-here": 1})

    written = output.readouterr()
    assert "sk-" not in answer["body"] + written.out + written.err


def test_a_base64_body_is_read(service: Service) -> None:
    body = base64.b64encode(json.dumps(LIKE).encode()).decode()
    event = {"routeKey": "POST /likes", "headers": {}, "body": body, "isBase64Encoded": True}

    assert service.http(event | {"requestContext": {"requestId": "r"}})["statusCode"] == 200


def test_a_link_is_as_good_as_an_id(service: Service) -> None:
    answer = service.post({"tweet_url": f"https://mobile.twitter.com/a/status/{TWEET}?s=20"})

    assert answer["json"]["tweet_id"] == TWEET


def test_a_caller_who_does_not_want_to_wait_gets_a_202(service: Service) -> None:
    answer = service.post(LIKE | {"account": "brand-a"}, prefer="respond-async")

    assert answer["statusCode"] == 202
    assert answer["headers"]["preference-applied"] == "respond-async"
    assert answer["headers"]["location"] == f"/likes/{TWEET}?account=brand-a"
    assert service.aisa.calls == []
    service.drain()
    assert service.aisa.likes["brand-a"] == {TWEET}


def test_a_second_202_for_the_same_tweet_is_no_second_message(service: Service) -> None:
    service.post(LIKE, prefer="respond-async")
    service.post({"tweet_url": f"https://x.com/a/status/{TWEET}"}, prefer="respond-async")

    assert len(service.waiting) == 1


def test_a_queue_that_refuses_is_never_a_202(service: Service) -> None:
    service.sqs.refuse = lambda action: action == "SendMessage"

    answer = service.post(LIKE, prefer="respond-async")

    assert (answer["statusCode"], answer["json"]["code"]) == (503, "queue_unavailable")
    assert "retry-after" in answer["headers"]


def test_what_is_known_of_a_like(service: Service) -> None:
    assert service.get(TWEET)["statusCode"] == 404
    service.post(LIKE)

    known = service.get(TWEET)["json"]

    assert (known["status"], known["attempts"]) == ("liked", 1)
    assert known["updated_at"] == "2023-11-14T22:13:20.000Z"
    assert service.get(TWEET, account="brand-a")["statusCode"] == 404


def test_what_is_known_of_a_like_that_was_rejected(service: Service) -> None:
    service.aisa.misbehave(Fault.answer(404, ""))
    service.post(LIKE)

    known = service.get(TWEET)["json"]

    assert (known["status"], known["reason"]) == ("rejected", "tweet_not_found")


def test_a_question_for_no_tweet_is_a_400(service: Service) -> None:
    assert service.get("x")["json"]["code"] == "invalid_tweet_id"
    assert service.get(TWEET, acount="brand-a")["json"]["code"] == "unknown_field"


def test_a_like_in_the_making_is_a_409(service: Service) -> None:
    first = Service(service.clock, service.aisa, service.sqs, service.environ, service.queue_url, service.rejected_url)
    answers: list[dict[str, Any]] = []
    service.aisa.on_call = lambda _call: answers.append(first.post(LIKE)) if not answers else None

    service.post(LIKE)

    assert (answers[0]["statusCode"], answers[0]["json"]["code"]) == (409, "in_progress")
    assert answers[0]["headers"]["retry-after"] == "1"


def test_a_defect_is_a_500_with_a_line_and_a_metric(service: Service, output: pytest.CaptureFixture[str]) -> None:
    answer = service.http({"headers": {}, "note": "an event that API Gateway never sends"})

    written = output.readouterr().out
    assert (answer["statusCode"], answer["json"]["code"]) == (500, "internal_error")
    assert '"message":"internal_error"' in written
    assert '"Unavailable"' in written
