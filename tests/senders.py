"""Senders of webhooks, each of which signs as its scheme asks for. Written without the service's own code."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

Headers = dict[str, str]

STANDARD_SECRET: Final = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
TOKEN: Final = "token-of-the-source-named-zapier"
HMAC_SECRET: Final = "It's a Secret to Everybody"
SHOP_SECRET: Final = "the-secret-of-the-source-named-shop"
SLACK_SECRET: Final = "8f742231b10e8888abcd99yyyzzz85a5"

SOURCES: Final[Mapping[str, Any]] = {
    "crm": {"scheme": "standard-webhooks", "secrets": [STANDARD_SECRET], "tweet": "data.tweet_url"},
    "zapier": {"scheme": "token", "secrets": [TOKEN], "account": "brand-a"},
    "github": {
        "scheme": "hmac",
        "header": "X-Hub-Signature-256",
        "prefix": "sha256=",
        "encoding": "hex",
        "secrets": [HMAC_SECRET],
        "tweet": "client_payload.tweet",
    },
    "shop": {"scheme": "hmac", "header": "X-Shop-Hmac", "encoding": "base64", "secrets": [SHOP_SECRET]},
    "slack": {"scheme": "slack", "secrets": [SLACK_SECRET], "tweet": "text"},
}
SECRETS: Final = (
    STANDARD_SECRET,
    STANDARD_SECRET.removeprefix("whsec_"),
    TOKEN,
    HMAC_SECRET,
    SHOP_SECRET,
    SLACK_SECRET,
)

_JSON: Final = {"Content-Type": "application/json"}


def sign_standard(body: bytes, now: float, *, secret: str = STANDARD_SECRET, message_id: str = "msg_1") -> Headers:
    """Sign as https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md says."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signature = hmac.digest(key, b"%b.%d.%b" % (message_id.encode(), now, body), hashlib.sha256)
    return _JSON | {
        "Webhook-Id": message_id,
        "Webhook-Timestamp": str(int(now)),
        "Webhook-Signature": f"v1,{base64.b64encode(signature).decode()}",
    }


def sign_github(body: bytes, *, secret: str = HMAC_SECRET) -> Headers:
    """Sign as GitHub does."""
    return _JSON | {"X-Hub-Signature-256": f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"}


def sign_shop(body: bytes) -> Headers:
    """Sign as Shopify and others do."""
    return _JSON | {"X-Shop-Hmac": base64.b64encode(hmac.digest(SHOP_SECRET.encode(), body, hashlib.sha256)).decode()}


def sign_slack(body: bytes, now: float, *, secret: str = SLACK_SECRET) -> Headers:
    """Sign as Slack does."""
    signature = hmac.new(secret.encode(), b"v0:%d:%b" % (now, body), hashlib.sha256).hexdigest()
    return {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": str(int(now)),
        "X-Slack-Signature": f"v0={signature}",
    }


def bear_token(token: str = TOKEN) -> Headers:
    """Show a token."""
    return _JSON | {"Authorization": f"Bearer {token}"}


def requests_of_all(tweet: str, now: float) -> dict[str, tuple[bytes, Headers]]:
    """Return a good request of each source, for `tweet`, an id or a link."""
    link = tweet if "/" in tweet else f"https://x.com/jack/status/{tweet}"
    crm = json.dumps({"type": "approved", "data": {"tweet_url": link}}).encode()
    github = json.dumps({"action": "like", "client_payload": {"tweet": tweet}}).encode()
    plain = json.dumps({"tweet_url": link}).encode()
    slack = urlencode({"command": "/like", "text": tweet, "user_name": "ann"}).encode()
    return {
        "crm": (crm, sign_standard(crm, now)),
        "zapier": (plain, bear_token()),
        "github": (github, sign_github(github)),
        "shop": (plain, sign_shop(plain)),
        "slack": (slack, sign_slack(slack, now)),
    }
