"""Webhooks: who is let in, what is queued, and what everybody else gets to see."""

import base64
import json
from typing import Any

import pytest

from tests.conftest import TWEET, Service
from tests.integration.test_outcomes import metrics_in
from tests.senders import (
    HMAC_SECRET,
    SECRETS,
    SOURCES,
    STANDARD_SECRET,
    TOKEN,
    bear_token,
    requests_of_all,
    sign_github,
    sign_shop,
    sign_slack,
    sign_standard,
)

each_source = pytest.mark.parametrize("source", SOURCES)


def lines(output: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Return the lines that the function wrote, in none of which is a secret."""
    written = output.readouterr()
    assert not [secret for secret in SECRETS if secret in written.out + written.err]
    return [json.loads(line) for line in written.out.splitlines() if line.startswith("{")]


def line(output: pytest.CaptureFixture[str]) -> dict[str, Any]:
    (one,) = [line for line in lines(output) if line.get("message") == "webhook"]
    return one


def queued(service: Service) -> list[dict[str, Any]]:
    return [json.loads(message.body) for message in service.waiting]


@each_source
@pytest.mark.parametrize("tweet", [TWEET, f"https://twitter.com/i/web/status/{TWEET}?s=20"], ids=["id", "link"])
def test_a_good_request_is_queued(
    service: Service, source: str, tweet: str, output: pytest.CaptureFixture[str]
) -> None:
    body, headers = requests_of_all(tweet, service.clock())[source]

    answer = service.hook(source, body, headers)

    account = SOURCES[source].get("account", "default")
    assert answer["statusCode"] == (200 if source == "slack" else 202)
    assert queued(service) == [{"tweet_id": TWEET, "account": account}]
    assert [message.group for message in service.waiting] == [account]
    written = lines(output)
    (accepted,) = [line for line in written if line.get("message") == "webhook"]
    assert (accepted["outcome"], accepted["source"], accepted["tweet_id"]) == ("accepted", source, TWEET)
    assert accepted["message_id"] == service.waiting[0].id
    assert "WebhookAccepted" in metrics_in(written)


@each_source
def test_what_is_queued_is_liked(service: Service, source: str) -> None:
    service.hook(source, *requests_of_all(TWEET, service.clock())[source])

    service.drain()

    assert service.aisa.likes == {SOURCES[source].get("account", "default"): {TWEET}}


def test_the_person_in_slack_is_told(service: Service) -> None:
    answer = service.hook("slack", *requests_of_all(TWEET, service.clock())["slack"])

    assert answer["json"]["response_type"] == "ephemeral"
    assert TWEET in answer["json"]["text"]


def test_the_person_in_slack_is_told_what_is_wrong(service: Service, output: pytest.CaptureFixture[str]) -> None:
    body = b"text=this+one"

    answer = service.hook("slack", body, sign_slack(body, service.clock()))

    assert answer["statusCode"] == 200
    assert "1 to 19 digits" in answer["json"]["text"]
    assert service.waiting == []
    assert line(output)["reason"] == "invalid_tweet_id"


@pytest.mark.parametrize("text", [f"<https://x.com/a/status/{TWEET}>", f"<https://x.com/a/status/{TWEET}|x.com>"])
def test_a_link_is_read_as_slack_writes_it(service: Service, text: str) -> None:
    body, headers = requests_of_all(text, service.clock())["slack"]

    service.hook("slack", body, headers)

    assert queued(service) == [{"tweet_id": TWEET, "account": "default"}]


@each_source
def test_a_body_that_was_changed_is_refused(service: Service, source: str, output: pytest.CaptureFixture[str]) -> None:
    body, headers = requests_of_all(TWEET, service.clock())[source]
    if source == "zapier":
        headers = bear_token(TOKEN[:-1])

    answer = service.hook(source, body + b" ", headers)

    assert (answer["statusCode"], answer["json"]["code"]) == (401, "not_authenticated")
    assert service.waiting == []
    written = lines(output)
    (refused,) = [line for line in written if line.get("message") == "webhook"]
    assert (refused["outcome"], refused["reason"], refused.get("source")) == ("refused", "signature_mismatch", None)
    assert "WebhookRefused" in metrics_in(written)


@each_source
def test_a_source_that_is_unknown_looks_like_a_bad_signature(service: Service, source: str) -> None:
    body, headers = requests_of_all(TWEET, service.clock())[source]

    unknown = service.hook("nobody", body, headers)
    bad = service.hook(source, body, {name: value[:-2] for name, value in headers.items()})

    assert unknown == bad


@each_source
def test_without_its_headers_a_request_is_refused(service: Service, source: str) -> None:
    body, headers = requests_of_all(TWEET, service.clock())[source]
    for name in headers.keys() - {"Content-Type"}:
        for value in (None, ""):
            without = {other: text for other, text in headers.items() if other != name}
            answer = service.hook(source, body, without if value is None else without | {name: value})
            assert (answer["statusCode"], answer["json"]["code"]) == (401, "not_authenticated")


NASTY = ["nan", "-1", "1" + "0" * 400, "1e9", "+1700000000", " 1700000000", "1_700_000_000", "¹", "\u0661\u0667\u0660", "\ud800", "\x00", ",", "v1", "v1,", "v1,ü", "v1,%", "v0=", "v0=zz", "sha256=", "sha256=0", "Bearer", "Bearer ", "=" * 10_000]  # fmt: skip


@each_source
@pytest.mark.parametrize("value", NASTY, ids=range(len(NASTY)))
def test_a_header_that_makes_no_sense_is_refused(service: Service, source: str, value: str) -> None:
    body, headers = requests_of_all(TWEET, service.clock())[source]
    for name in headers.keys() - {"Content-Type"}:
        if (source, name) == ("crm", "Webhook-Id"):
            continue  # any text is an id; that another one is signed is refused below
        answer = service.hook(source, body, headers | {name: value})
        assert (answer["statusCode"], answer["json"]["code"]) == (401, "not_authenticated"), name
    assert service.waiting == []


def test_another_messages_id_is_refused(service: Service) -> None:
    body, headers = requests_of_all(TWEET, service.clock())["crm"]

    for message_id in ("msg_2", "\ud800", "msg_1."):
        assert service.hook("crm", body, headers | {"Webhook-Id": message_id})["statusCode"] == 401


@pytest.mark.parametrize("source", ["crm", "slack"])
@pytest.mark.parametrize(("age", "is_let_in"), [(300, True), (301, False), (-300, True), (-301, False)])
def test_five_minutes_are_tolerated_both_ways(service: Service, source: str, age: int, is_let_in: bool) -> None:
    body, headers = requests_of_all(TWEET, service.clock() - age)[source]

    assert (service.hook(source, body, headers)["statusCode"] < 300) is is_let_in


@pytest.mark.parametrize("source", ["crm", "slack"])
def test_the_time_is_signed_too(service: Service, source: str) -> None:
    body, headers = requests_of_all(TWEET, service.clock() - 400)[source]
    for name in headers:
        if "Timestamp" in name:
            headers[name] = str(int(service.clock()))

    assert service.hook(source, body, headers)["statusCode"] == 401


def test_a_second_secret_lets_a_source_rotate(service: Service) -> None:
    old, new = "the-old-secret-of-the-source", "the-new-secret-of-the-source"
    service.set_sources({"github": {**SOURCES["github"], "secrets": [old, new]}})
    body = json.dumps({"client_payload": {"tweet": TWEET}}).encode()

    for secret, status in ((old, 202), (new, 202), (HMAC_SECRET, 401)):
        assert service.hook("github", body, sign_github(body, secret=secret))["statusCode"] == status


def test_one_of_several_signatures_is_enough(service: Service) -> None:
    body, headers = requests_of_all(TWEET, service.clock())["crm"]
    other = sign_standard(body, service.clock(), secret="whsec_" + base64.b64encode(b"x" * 24).decode())
    both = f"{other['Webhook-Signature']} v2,unknown {headers['Webhook-Signature']}"

    assert service.hook("crm", body, headers | {"Webhook-Signature": both})["statusCode"] == 202


def test_a_new_source_is_known_at_once(service: Service) -> None:
    service.hook("zapier", *requests_of_all(TWEET, service.clock())["zapier"])
    service.set_sources({**SOURCES, "new": SOURCES["zapier"]})

    assert service.hook("new", *requests_of_all(TWEET, service.clock())["zapier"])["statusCode"] == 202


def test_refused_senders_can_not_make_us_read_the_secret_all_the_time(service: Service) -> None:
    refused = [service.hook("nobody", b"{}", {}) for _ in range(2)]
    service.set_sources({**SOURCES, "nobody": SOURCES["zapier"]})

    request = requests_of_all(TWEET, service.clock())["zapier"]
    statuses = [service.hook("nobody", *request)["statusCode"]]
    service.clock.advance(30)
    statuses.append(service.hook("nobody", *request)["statusCode"])

    assert [answer["statusCode"] for answer in refused] == [401, 401]
    assert statuses == [401, 202]


MISTAKES: dict[str, Any] = {
    "no object": "zapier",
    "no scheme": {"secrets": [TOKEN]},
    "unknown scheme": {"scheme": "rot13", "secrets": [TOKEN]},
    "no secrets": {"scheme": "token"},
    "empty secrets": {"scheme": "token", "secrets": []},
    "a secret that is short": {"scheme": "token", "secrets": ["secret"]},
    "a secret that is no text": {"scheme": "token", "secrets": [12345678901234567890]},
    "a field that is not known": {"scheme": "token", "secrets": [TOKEN], "acount": "brand-a"},
    "an account that is none": {"scheme": "token", "secrets": [TOKEN], "account": "brand a"},
    "a bad expression": {"scheme": "token", "secrets": [TOKEN], "tweet": "data."},
    "an expression that is none": {"scheme": "token", "secrets": [TOKEN], "tweet": ""},
    "a header that is none": {"scheme": "token", "secrets": [TOKEN], "header": "no header"},
    "no header": {"scheme": "hmac", "secrets": [HMAC_SECRET]},
    "an unknown encoding": {**SOURCES["github"], "encoding": "rot13"},
    "bad base64": {"scheme": "standard-webhooks", "secrets": [f"{STANDARD_SECRET}!"]},
    "a key that is short": {"scheme": "standard-webhooks", "secrets": ["whsec_c2hvcnRlciB0aGFu"]},
}  # fmt: skip


@pytest.mark.parametrize("entry", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_shuts_only_its_source_and_is_named(
    service: Service, entry: Any, output: pytest.CaptureFixture[str]
) -> None:
    service.set_sources({**SOURCES, "wrong": entry})

    answer = service.hook("wrong", *requests_of_all(TWEET, service.clock())["zapier"])
    other = service.hook("zapier", *requests_of_all(TWEET, service.clock())["zapier"])

    assert (answer["statusCode"], answer["json"]["code"]) == (503, "source_unavailable")
    assert "retry-after" in answer["headers"]
    assert other["statusCode"] == 202
    (named,) = [line for line in lines(output) if line.get("message") == "source_misconfigured"]
    assert named["source"] == "wrong"
    assert named["mistake"]


@pytest.mark.parametrize("value", ["{", "[]", "5", '"text"', "[" * 50_000])
def test_a_secret_that_is_no_object_shuts_all(service: Service, value: str, output: pytest.CaptureFixture[str]) -> None:
    service.set_sources(value)

    answer = service.hook("zapier", *requests_of_all(TWEET, service.clock())["zapier"])

    assert (answer["statusCode"], answer["json"]["code"]) == (503, "source_unavailable")
    assert line(output)["reason"] == "webhook_secret_malformed"


def test_a_secret_without_a_value_has_no_sources(service: Service) -> None:
    service.secrets.create_secret(Name="no-sources")
    service.restart(WEBHOOK_SECRET_ID="no-sources")

    answer = service.hook("zapier", *requests_of_all(TWEET, service.clock())["zapier"])

    assert answer["statusCode"] == 401


def test_secrets_manager_out_of_reach_is_passing(
    service: Service, monkeypatch: pytest.MonkeyPatch, output: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:1")
    service.restart()

    answer = service.hook("zapier", *requests_of_all(TWEET, service.clock())["zapier"])

    assert (answer["statusCode"], answer["json"]["code"]) == (503, "source_unavailable")
    assert line(output)["reason"] == "secret_unavailable"


@each_source
def test_what_sqs_does_not_take_is_never_accepted(
    service: Service, source: str, output: pytest.CaptureFixture[str]
) -> None:
    service.sqs.refuse = lambda _action: True

    answer = service.hook(source, *requests_of_all(TWEET, service.clock())[source])

    assert (answer["statusCode"], answer["json"]["code"]) == (503, "queue_unavailable")
    assert "WebhookAccepted" not in metrics_in(lines(output))


def test_a_senders_retry_is_not_queued_twice(service: Service) -> None:
    for _ in range(3):
        service.hook("zapier", *requests_of_all(TWEET, service.clock())["zapier"])

    assert len(service.waiting) == 1


BAD_BODIES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "invalid_json"),
    "not json": (b"{", "invalid_json"),
    "not unicode": (b"\xff\xfe", "invalid_json"),
    "deep": (b"[" * 100_000, "invalid_json"),
    "a long number": (b"1" * 5_000, "invalid_json"),
    "null": (b"null", "tweet_missing"),
    "no tweet": (b'{"id": "20"}', "tweet_missing"),
    "an empty tweet": (b'{"tweet_id": " "}', "tweet_missing"),
    "an object": (b'{"tweet_id": {"id": "20"}}', "tweet_missing"),
    "a truth": (b'{"tweet_id": true}', "tweet_missing"),
    "a number": (b'{"tweet_id": 1346889436626259968}', "tweet_id_not_a_string"),
    "letters": (b'{"tweet_id": "twenty"}', "invalid_tweet_id"),
    "elsewhere": (b'{"tweet_url": "https://x.com.evil.example/a/status/20"}', "invalid_tweet_url"),
    "shortened": (b'{"tweet_url": "https://t.co/abc"}', "shortened_url"),
}


@pytest.mark.parametrize(("body", "code"), BAD_BODIES.values(), ids=BAD_BODIES)
def test_a_body_without_a_tweet_is_explained(
    service: Service, body: bytes, code: str, output: pytest.CaptureFixture[str]
) -> None:
    answer = service.hook("shop", body, sign_shop(body))

    assert (answer["statusCode"], answer["json"]["code"]) == (400, code)
    refused = line(output)
    assert (refused["outcome"], refused["reason"], refused["source"]) == ("refused", code, "shop")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"tweet_id=20&x=%ff", 202, None),
        (b'{"tweet_id": "20"}', 202, None),
        (b"\xff=1", 400, "invalid_form"),
        (b"a=1&" * 2_000, 400, "invalid_form"),
        (b"", 400, "tweet_missing"),
    ],
)
def test_forms(service: Service, body: bytes, status: int, code: str | None) -> None:
    headers = sign_shop(body) | {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}

    answer = service.hook("shop", body, headers)

    assert (answer["statusCode"], answer["json"].get("code")) == (status, code)


def test_an_expression_that_fails_on_a_body_finds_no_tweet(service: Service) -> None:
    service.set_sources({"zapier": {**SOURCES["zapier"], "tweet": "join('', tweet)"}})

    assert service.hook("zapier", b'{"tweet": 5}', bear_token())["json"]["code"] == "tweet_missing"


def test_a_body_that_is_too_large_is_not_looked_at(service: Service, output: pytest.CaptureFixture[str]) -> None:
    fits, larger = b'{"tweet_id": "20"}'.ljust(262_144), b'{"tweet_id": "20"}'.ljust(262_145)

    assert service.hook("shop", fits, sign_shop(fits))["statusCode"] == 202
    output.readouterr()
    answer = service.hook("shop", larger, sign_shop(larger))

    assert (answer["statusCode"], answer["json"]["code"]) == (413, "body_too_large")
    assert line(output)["reason"] == "body_too_large"


def test_a_body_that_is_not_the_base64_it_claims_to_be(service: Service) -> None:
    event = {
        "routeKey": "POST /webhooks/{source}",
        "headers": {},
        "pathParameters": {"source": "shop"},
        "requestContext": {"requestId": "r"},
        "body": "ü",
        "isBase64Encoded": True,
    }

    answer = service.http(event)

    assert (answer["statusCode"], answer["json"]["code"]) == (400, "invalid_encoding")


def test_a_body_is_verified_as_it_was_sent_however_it_arrives(service: Service) -> None:
    body = '{"tweet_id": "20", "greeting": "hé"}'
    event = {
        "routeKey": "POST /webhooks/{source}",
        "headers": {name.lower(): value for name, value in sign_shop(body.encode()).items()},
        "pathParameters": {"source": "shop"},
        "requestContext": {"requestId": "r"},
        "body": body,
        "isBase64Encoded": False,
    }

    assert service.http(event)["statusCode"] == 202


def test_the_vector_that_standard_webhooks_publishes(service: Service) -> None:
    """https://github.com/standard-webhooks/standard-webhooks, the libraries' own test."""
    service.set_sources({"crm": {**SOURCES["crm"], "tweet": "to_string(test)"}})
    service.clock.advance(1_614_265_330 - service.clock())
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }

    assert service.hook("crm", b'{"test": 2432232314}', headers)["json"]["tweet_id"] == "2432232314"


def test_the_example_that_github_documents(service: Service) -> None:
    """https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries"""
    signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"

    answer = service.hook("github", b"Hello, World!", {"X-Hub-Signature-256": signature})

    assert answer["json"]["code"] == "invalid_json", "the sender is proven; the body is no JSON"


def test_the_example_that_slack_documents(service: Service) -> None:
    """https://docs.slack.dev/authentication/verifying-requests-from-slack"""
    service.clock.advance(1_531_420_618 - service.clock())
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
        b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
        b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
        b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": "1531420618",
        "X-Slack-Signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    }

    answer = service.hook("slack", body, headers)

    assert answer["statusCode"] == 200, "the sender is proven"
    assert "no tweet" in answer["json"]["text"]
