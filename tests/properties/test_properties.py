"""What holds for any id, link, signature and event. ``make fuzz`` asks thousands of times more."""

import json
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from likes.aisa import AisaClient
from likes.payload import InvalidPayload, read_message
from likes.settings import AisaSettings, InvalidSetting
from likes.signatures import Hmac, Scheme, Slack, StandardWebhooks, Unproven, standard_webhooks_secret
from likes.tweets import NotATweet, tweet_id_from
from tests.conftest import Service
from tests.senders import (
    HMAC_SECRET,
    SLACK_SECRET,
    SOURCES,
    STANDARD_SECRET,
    Headers,
    requests_of_all,
    sign_github,
    sign_slack,
    sign_standard,
)

NOW = 1_700_000_000
HOSTS = ("x.com", "twitter.com", "fxtwitter.com", "vxtwitter.com", "fixupx.com", "fixvx.com")
ID = re.compile(r"[1-9][0-9]{0,18}")

ids = st.integers(1, 10**19 - 1).map(str)
names = st.from_regex(r"[A-Za-z0-9_]{1,20}", fullmatch=True)
tails = st.one_of(
    st.just(""),
    st.sampled_from(["/", "/photo/1", "/video/1", "?s=20", "?s=20&t=abc", "#m", "/photo/1?s=46#x"]),
    st.text(max_size=20).map(lambda text: f"?q={quote(text)}"),
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30) | ids,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["tweet_id", "tweet_url", "account", "text", "data"]), inner, max_size=4)
    ),
    max_leaves=6,
)
with_a_service = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@st.composite
def links(draw: st.DrawFn) -> tuple[str, str]:
    """Return a link that people have, and the id in it."""
    tweet = draw(ids)
    host = draw(st.sampled_from(["", "www.", "m.", "mobile."])) + draw(st.sampled_from(HOSTS))
    host = draw(st.sampled_from([host, host.upper(), f"{host}:443"]))
    path = draw(st.sampled_from(["i/web/status", "i/status", f"{draw(names)}/status", f"{draw(names)}/statuses"]))
    return f"{draw(st.sampled_from(['http', 'https']))}://{host}/{path}/{tweet}{draw(tails)}", tweet


@given(links())
def test_every_form_of_a_link_names_its_tweet(link: tuple[str, str]) -> None:
    url, tweet = link

    assert tweet_id_from(url) == tweet


@given(links(), st.from_regex(r"[a-z0-9-]{1,12}(\.[a-z]{2,6})?", fullmatch=True))
def test_a_link_to_another_site_names_none(link: tuple[str, str], other: str) -> None:
    url, _ = link
    host = url.split("/")[2]
    for lie in (
        url.replace(host, f"{other}.example"),
        url.replace(host, f"{host.partition(':')[0]}.{other}.example"),
        url.replace("//", f"//{other}.example/"),
        url.replace("//", f"//{other}@"),
    ):
        with pytest.raises(NotATweet):
            tweet_id_from(lie)


@given(st.text() | ids.map(lambda tweet: f"0{tweet}") | ids.map(lambda tweet: f"{tweet}0" * 10))
def test_other_text_names_no_tweet(text: str) -> None:
    with suppress(NotATweet):
        assert tweet_id_from(text) == text.strip()
        assert ID.fullmatch(text.strip())


@given(st.text(max_size=60) | values.map(json.dumps))
def test_a_message_holds_a_request_or_is_explained(body: str) -> None:
    try:
        request = read_message(body)
    except InvalidPayload as error:
        assert re.fullmatch(r"[a-z_]+", error.code)
        assert error.detail
    else:
        assert ID.fullmatch(request.tweet_id)


SCHEMES: dict[str, tuple[Scheme, Callable[[bytes], Headers]]] = {
    "hmac": (Hmac((HMAC_SECRET,), "x-hub-signature-256", "sha256="), sign_github),
    "slack": (Slack((SLACK_SECRET,)), lambda body: sign_slack(body, NOW)),
    "standard": (StandardWebhooks((standard_webhooks_secret(STANDARD_SECRET),)), lambda body: sign_standard(body, NOW)),
}


def lower(headers: Headers) -> Headers:
    return {name.lower(): value for name, value in headers.items()}


@given(st.sampled_from(sorted(SCHEMES)), st.text().map(str.encode), st.integers(0, 10_000), st.integers(1, 255))
def test_a_signature_is_for_one_body_only(name: str, body: bytes, place: int, change: int) -> None:
    scheme, sign = SCHEMES[name]
    headers = lower(sign(body))
    changed = bytearray(body + b"!")
    changed[place % len(changed)] ^= change

    scheme.verify(headers, body, NOW)

    for other in (bytes(changed), bytes(changed[:-1])):
        if other != body:
            with pytest.raises(Unproven):
                scheme.verify(headers, other, NOW)


@given(st.sampled_from(sorted(SCHEMES)), st.data())
def test_no_other_header_proves_anything(name: str, data: st.DataObject) -> None:
    scheme, sign = SCHEMES[name]
    good = lower(sign(b"{}"))
    lie = data.draw(st.fixed_dictionaries({header: st.text() for header in good}))

    with pytest.raises(Unproven):
        scheme.verify(lie, b"{}", NOW)


def webhook(source: str, headers: Headers, body: str, *, is_encoded: bool) -> dict[str, Any]:
    return {
        "routeKey": "POST /webhooks/{source}",
        "headers": headers,
        "pathParameters": {"source": source},
        "requestContext": {"requestId": "r"},
        "body": body,
        "isBase64Encoded": is_encoded,
    }


@with_a_service
@given(
    st.sampled_from(sorted(SOURCES)) | st.text(max_size=20),
    st.dictionaries(
        st.sampled_from(
            [
                "content-type",
                "authorization",
                "webhook-id",
                "webhook-timestamp",
                "webhook-signature",
                "x-slack-signature",
            ]
        )
        | st.text(max_size=20),
        st.text(max_size=40),
        max_size=6,
    ),
    st.text(max_size=60),
    st.booleans(),
)
def test_no_event_is_let_in_or_breaks_the_webhook(
    service: Service, source: str, headers: Headers, body: str, is_encoded: bool
) -> None:
    answer = service.http(webhook(source, headers, body, is_encoded=is_encoded))

    assert answer["statusCode"] in {400, 401}
    assert answer["json"]["code"]
    assert not service.waiting


@with_a_service
@given(values)
def test_whatever_a_proven_sender_sends_is_queued_or_explained(service: Service, value: Any) -> None:
    body = json.dumps(value).encode()
    headers = {**requests_of_all("20", service.clock())["zapier"][1]}
    before = len(service.waiting)

    answer = service.hook("zapier", body, headers)

    if answer["statusCode"] == 202:
        assert ID.fullmatch(answer["json"]["tweet_id"])
    else:
        assert answer["statusCode"] == 400
        assert re.fullmatch(r"[a-z_]+", answer["json"]["code"])
        assert len(service.waiting) == before


@with_a_service
@given(st.text(max_size=60) | values.map(json.dumps), st.booleans())
def test_whatever_is_posted_is_liked_or_explained(service: Service, body: str, is_encoded: bool) -> None:
    event = {
        "routeKey": "POST /likes",
        "headers": {},
        "body": body,
        "isBase64Encoded": is_encoded,
        "requestContext": {"requestId": "r"},
    }

    answer = service.http(event)

    assert answer["statusCode"] in {200, 400, 422, 429}
    assert answer["json"].get("liked") or re.fullmatch(r"[a-z_]+", answer["json"]["code"])


@given(st.text("a1.-:/[]*@?%\t", min_size=1, max_size=8))
def test_an_address_that_is_taken_is_one_that_can_be_called(text: str) -> None:
    url = f"https://{text}"
    try:
        AisaSettings.read({"AISA_SECRET_ID": "s", "AISA_BASE_URL": url})
    except InvalidSetting:
        return
    AisaClient(url)
