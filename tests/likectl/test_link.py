"""``likectl link``."""

import json
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from local.serving import Handler, LoopbackServer
from tests.likectl.conftest import KEY, FakeStack, likectl


def test_link_shows_where_to_approve_and_for_how_long(stack: FakeStack) -> None:
    stack.secret = KEY

    run = likectl("link")

    assert run.status == 0
    assert f"\n{stack.aisa.url}/authorize?state=" in run.out
    assert "9 min 59 s" in run.out or "10 min" in run.out
    assert "To check: likectl send" in run.out


def test_link_asks_for_three_scopes_and_no_more(stack: FakeStack) -> None:
    stack.secret = KEY

    assert likectl("link", "--json").json["scopes"] == ["like.write", "tweet.read", "users.read"]


@pytest.mark.usefixtures("stack")
def test_an_account_without_a_key_is_told() -> None:
    run = likectl("link", "--account", "brand-a")

    assert run.status == 6
    assert "likectl key set --account brand-a" in run.err


def test_a_key_that_is_refused_is_told(stack: FakeStack) -> None:
    stack.secret = KEY
    stack.aisa.revoke_key(KEY)

    run = likectl("link")

    assert run.status == 6
    assert "likectl key rotate" in run.err


def test_a_gateway_that_is_away_is_told(stack: FakeStack) -> None:
    stack.secret = KEY
    stack.aisa.close()

    run = likectl("link")

    assert run.status == 5
    assert run.err == "likectl: The gateway does not answer (ConnectionError).\n"


class Answers(Handler):
    """Gives the answer that its server was told to give, and keeps what it was asked."""

    owner: "Vendor"

    def do_POST(self) -> None:  # noqa: N802 - http.server's name for it
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.owner.asked.append((self.headers["Authorization"], asked))
        status, body = self.owner.answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Vendor(LoopbackServer):
    """A gateway that answers anything."""

    def __init__(self) -> None:
        self.answer = (200, b"")
        self.asked: list[tuple[str, Any]] = []
        super().__init__(Answers)


@pytest.fixture
def vendor(stack: FakeStack) -> Iterator[Vendor]:
    stack.secret = KEY
    with Vendor() as vendor:
        functions = boto3.client("lambda")
        variables = functions.get_function_configuration(FunctionName="worker")["Environment"]["Variables"]
        functions.update_function_configuration(
            FunctionName="worker", Environment={"Variables": variables | {"AISA_BASE_URL": vendor.url}}
        )
        yield vendor


@pytest.mark.parametrize("envelope", ["{%s}", '{"data": {%s}}', '{"code": 200, "msg": "ok", "data": {%s}}'])
@pytest.mark.parametrize(
    ("expires_at", "seconds"), [("%d", 300), ('"%d"', 300), ("%d000", 300), ("null", 600), ('"later"', 600)]
)
def test_any_envelope_and_any_time_is_understood(vendor: Vendor, envelope: str, expires_at: str, seconds: int) -> None:
    moment = expires_at % (time.time() + 300) if "%" in expires_at else expires_at
    fields = f'"auth_url": "https://x.com/i/oauth2/authorize?a=b", "state": "s", "expires_at": {moment}'
    vendor.answer = 200, (envelope % fields).encode()

    run = likectl("link", "--json").json

    assert run["url"] == "https://x.com/i/oauth2/authorize?a=b"
    assert abs(run["expires_in_seconds"] - seconds) < 60
    (authorization, asked) = vendor.asked[0]
    assert authorization == f"Bearer {KEY}"
    assert asked == {"aisa_api_key": KEY, "scopes": ["like.write", "tweet.read", "users.read"]}


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b"<html>"),
        (200, b"<html>"),
        (200, b"[]"),
        (200, b"{}"),
        (200, b'{"auth_url": "javascript:alert(1)"}'),
        (200, b'{"auth_url": "https://x.com/\\u001b]0;title"}'),
        (200, b'{"auth_url": "https://x.com/?key=' + KEY.encode() + b'"}'),
        (422, b'{"error": {"code": "unsupported_parameter"}}'),
    ],
)
def test_an_answer_without_an_address_is_one_line(vendor: Vendor, status: int, body: bytes) -> None:
    vendor.answer = status, body

    run = likectl("link")

    assert run.status == 6
    assert len(run.err.splitlines()) == 1
    assert not run.out
