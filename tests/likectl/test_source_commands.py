"""``likectl source``: what it writes is what the webhook function reads."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from likes import webhooks
from local.gateway import Gateway
from tests.conftest import Context
from tests.likectl.conftest import FakeStack, likectl

SLACK_SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
GITHUB = ("--scheme", "hmac", "--header", "X-Hub-Signature-256", "--prefix", "sha256=")
SHOP = ("--scheme", "hmac", "--header", "X-Shop-Hmac", "--encoding", "base64", "--own-secret")


@pytest.fixture
def api(stack: FakeStack) -> Iterator[str]:
    """The webhook function, behind an address."""
    environ = {"WEBHOOK_SECRET_ID": stack.outputs["WebhookSecretArn"], "LIKE_QUEUE_URL": stack.outputs["LikeQueueUrl"]}
    handler = webhooks.make_handler(webhooks.build_webhooks(environ))

    def invoke(event: dict[str, Any]) -> dict[str, Any]:
        return handler(event, Context())  # type: ignore[arg-type]  # stands for Lambda's

    with Gateway({"POST /webhooks/{source}": invoke}) as gateway:
        yield gateway.url


@pytest.mark.parametrize(
    ("options", "stdin"),
    [
        ((), None),
        (("--tweet", "data.tweet_url", "--account", "brand-a"), None),
        (("--scheme", "token"), None),
        (("--scheme", "token", "--header", "X-Token"), None),
        (GITHUB, None),
        (SHOP, "the-secret-of-the-source-named-shop\n"),
        (("--scheme", "token", "--own-secret"), "the-token-that-the-sender-has-already\n"),
        (("--scheme", "slack"), f"{SLACK_SECRET}\n"),
    ],
)
def test_a_source_that_was_added_works(stack: FakeStack, api: str, options: tuple[str, ...], stdin: str | None) -> None:
    added = likectl("source", "add", "crm", *options, stdin=stdin)
    assert added.status == 0, added.err

    tried = likectl("source", "test", "crm", "--url", api)

    assert "The signature was accepted" in tried.out
    assert tried.status == 0
    assert not stack.queued, "a test likes nothing"
    secret = stack.sources["crm"]["secrets"][0]
    assert (secret in added.out) == (stdin is None), "a new secret is shown once, one's own never"
    assert secret not in likectl("source", "list").out


@pytest.mark.usefixtures("stack")
def test_a_secret_that_the_function_does_not_know_fails_the_test(api: str) -> None:
    likectl("source", "add", "crm")
    assert likectl("source", "test", "nobody", "--url", api).status == 3
    assert likectl("source", "test", "crm", "--url", api).status == 0, "the function has read the secret"
    likectl("source", "remove", "crm")
    likectl("source", "add", "crm")
    assert likectl("source", "test", "crm", "--url", api).status == 0, "it has read it again, and will not for 30 s"
    likectl("source", "remove", "crm")
    likectl("source", "add", "crm")

    run = likectl("source", "test", "crm", "--url", api)

    assert "The signature was refused" in run.out
    assert run.status == 1


@pytest.mark.usefixtures("stack")
def test_an_api_that_is_not_there_is_told() -> None:
    likectl("source", "add", "crm")

    run = likectl("source", "test", "crm", "--url", "http://127.0.0.1:1")

    assert run.status == 5
    assert "does not answer (ConnectionError)" in run.err


def test_what_to_paste_is_printed(stack: FakeStack) -> None:
    run = likectl("source", "add", "zapier", "--scheme", "token", "--json").json

    assert run == {
        "source": "zapier",
        "url": "https://api.example/webhooks/zapier",
        "header": "Authorization",
        "secret": stack.sources["zapier"]["secrets"][0],
    }
    assert len(run["secret"]) >= 43, "256 bits"
    likectl("source", "remove", "zapier")
    assert "Authorization: Bearer " in likectl("source", "add", "zapier", "--scheme", "token").out


@pytest.mark.parametrize(
    ("options", "stdin", "words"),
    [
        (("no/slash",), None, "name is 1 to 64"),
        (("there",), None, "already"),
        (("crm", "--scheme", "hmac"), None, "required"),
        (("crm", "--tweet", "a b ["), None, "JMESPath"),
        (("crm", "--own-secret"), "whsec_short-secrets-are-no-good", "whsec_"),
        (("crm", "--scheme", "slack"), "short", "at least 16"),
        (("crm", "--prefix", "sha256="), None, "additionalProperties"),
    ],
)
def test_a_source_that_would_not_work_is_not_written(
    stack: FakeStack, options: tuple[str, ...], stdin: str | None, words: str
) -> None:
    before = {"there": {"scheme": "token", "secrets": ["sixteen-letters-at-least"]}}
    stack.sources = before

    run = likectl("source", "add", *options, stdin=stdin)

    assert run.status == 2
    assert words in run.err
    assert stack.sources == before


def test_list_names_mistakes_and_no_secrets(stack: FakeStack) -> None:
    stack.sources = {
        "good": {"scheme": "token", "secrets": ["sixteen-letters-at-least"], "account": "brand-a"},
        "bad": {"scheme": "token", "secrets": ["two-short"]},
        "worse": "sixteen-letters-or-more",
    }

    run = likectl("source", "list")

    assert run.status == 1
    assert "letters" not in run.out
    assert "two-short" not in run.out
    listed = {source["source"]: source for source in likectl("source", "list", "--json").json}
    assert listed["good"]["mistake"] is None
    assert "minLength" in listed["bad"]["mistake"]
    assert "scheme must be one of" in listed["worse"]["mistake"]


def test_remove_takes_one_and_leaves_the_others(stack: FakeStack) -> None:
    stack.sources = {name: {"scheme": "token", "secrets": ["sixteen-letters-at-least"]} for name in ("a", "b")}

    assert likectl("source", "remove", "a").status == 0
    assert likectl("source", "remove", "a").status == 3

    assert list(stack.sources) == ["b"]


def test_a_secret_that_is_no_object_is_left_alone(stack: FakeStack) -> None:
    stack.sources = json.dumps(["crm"])

    run = likectl("source", "add", "crm")

    assert "webhook_secret_malformed" in run.err
    assert stack.sources == ["crm"]
