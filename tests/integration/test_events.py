"""Every sample in ``events/``, and those that the SAM CLI generates, replayed through the handlers."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import TWEET, Service

EVENTS = Path(__file__).parents[2] / "events"

HTTP = {
    "http-like": (200, None),
    "http-like-by-link": (200, None),
    "http-like-for-another-account": (200, None),
    "http-like-base64": (200, None),
    "http-like-queued": (202, None),
    "http-status": (404, "like_not_found"),
    "http-status-bad-id": (400, "invalid_tweet_id"),
    "http-bad-no-body": (400, "invalid_json"),
    "http-bad-json": (400, "invalid_json"),
    "http-bad-id-as-number": (400, "tweet_id_not_a_string"),
    "http-bad-id-with-letters": (400, "invalid_tweet_id"),
    "http-bad-id-leading-zero": (400, "invalid_tweet_id"),
    "http-bad-both-id-and-link": (400, "invalid_payload"),
    "http-bad-neither-id-nor-link": (400, "invalid_payload"),
    "http-bad-link-elsewhere": (400, "invalid_tweet_url"),
    "http-bad-link-shortened": (400, "shortened_url"),
    "http-bad-account": (400, "invalid_account"),
    "http-bad-unknown-account": (422, "unknown_account"),
    "http-bad-unknown-field": (400, "unknown_field"),
    "webhook-standard-webhooks": (202, None),
    "webhook-token": (202, None),
    "webhook-hmac": (202, None),
    "webhook-hmac-base64": (202, None),
    "webhook-slack": (200, None),
    "webhook-bad-signature": (401, "not_authenticated"),
    "webhook-bad-no-signature": (401, "not_authenticated"),
    "webhook-bad-old-timestamp": (401, "not_authenticated"),
    "webhook-bad-unknown-source": (401, "not_authenticated"),
    "webhook-bad-json": (400, "invalid_json"),
    "webhook-bad-no-tweet": (400, "tweet_missing"),
    "webhook-bad-id-as-number": (400, "tweet_id_not_a_string"),
}

SQS: dict[str, tuple[dict[str, set[str]], list[str]]] = {
    "sqs-like": ({"default": {TWEET}}, []),
    "sqs-likes-of-two-accounts": ({"default": {TWEET, "20"}, "brand-a": {TWEET}}, []),
    "sqs-like-standard-queue": ({"default": {TWEET}}, []),
    "sqs-like-wrapped-by-sns": ({"default": {TWEET}}, []),
    "sqs-like-wrapped-by-eventbridge": ({"default": {TWEET}}, []),
    "sqs-bad-json": ({}, ["invalid_json"]),
    "sqs-bad-id-as-number": ({}, ["tweet_id_not_a_string"]),
    "sqs-bad-unknown-account": ({}, ["unknown_account"]),
    "sqs-bad-among-good": ({"default": {TWEET, "20"}}, ["invalid_json"]),
}


def sample(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return event


def generate(*arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "samcli", "local", "generate-event", *arguments]
    event: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)  # noqa: S603 - our own words
    return event


def test_every_sample_is_replayed() -> None:
    assert {path.stem for path in EVENTS.glob("*.json")} == HTTP.keys() | SQS.keys()


@pytest.mark.parametrize("name", HTTP)
def test_http_sample(service: Service, name: str) -> None:
    answer = service.http(sample(name))

    assert (answer["statusCode"], answer["json"].get("code")) == HTTP[name]


@pytest.mark.parametrize("name", SQS)
def test_sqs_sample(service: Service, name: str) -> None:
    likes, reasons = SQS[name]

    answer = service.worker(sample(name), service.context)

    assert answer == {"batchItemFailures": []}
    assert {account: set(tweets) for account, tweets in service.aisa.likes.items() if tweets} == likes
    assert [rejected["Reason"] for rejected in service.rejected] == reasons


def test_the_sqs_event_that_sam_generates(service: Service) -> None:
    event = generate("sqs", "receive-message", "--body", json.dumps({"tweet_id": TWEET}).replace('"', '\\"'))

    answer = service.worker(event, service.context)

    assert answer == {"batchItemFailures": []}
    assert service.aisa.likes["default"] == {TWEET}


def test_the_http_event_that_sam_generates(service: Service) -> None:
    event = generate("apigateway", "http-api-proxy") | {
        "routeKey": "POST /likes",
        "body": json.dumps({"tweet_id": TWEET}),
    }

    assert service.http(event | {"isBase64Encoded": False})["statusCode"] == 200
