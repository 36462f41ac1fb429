"""The sources of webhooks, as an operator makes, checks and tries them. `likes.sources` is the function's reading."""

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from likes.signatures import standard_webhooks_secret
from likes.sources import Mistake, read_source

NAME_PATTERN: Final = "^[A-Za-z0-9_.~-]{1,64}$"
"""What a source may be called: it is the last part of an address."""

_NO_TWEET: Final[Mapping[str, tuple[str, bytes]]] = {
    "slack": ("application/x-www-form-urlencoded", b"command=%2Flikectl-test"),
}
_EMPTY_OBJECT: Final = ("application/json", b"{}")


def new_secret(scheme: str) -> str:
    """Return a secret of 256 random bits, written as the scheme wants it."""
    if scheme == "standard-webhooks":
        return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    return secrets.token_urlsafe(32)


def mistake(entry: Any) -> str | None:
    """Return what is wrong with a source's entry, in words that hold nothing of it, or None."""
    try:
        read_source("", entry)
    except Mistake as found:
        return str(found)
    return None


def header_of(entry: Mapping[str, Any]) -> str:
    """Return the name of the header in which the sender proves itself."""
    fixed = {"standard-webhooks": "webhook-signature", "slack": "X-Slack-Signature", "token": "Authorization"}
    return str(entry.get("header") or fixed[entry["scheme"]])


def signed_test(entry: Mapping[str, Any]) -> tuple[dict[str, str], bytes]:
    """Return the headers and the body of a request that is signed well and names no tweet: it can like nothing."""
    media_type, body = _NO_TWEET.get(entry["scheme"], _EMPTY_OBJECT)
    return {"Content-Type": media_type} | _proof(entry, entry["secrets"], body), body


def _proof(entry: Mapping[str, Any], keys: Sequence[str], body: bytes) -> dict[str, str]:
    key, now = keys[0], int(time.time())
    match entry["scheme"]:
        case "standard-webhooks":
            message_id = f"msg_{secrets.token_hex(12)}"
            signature = standard_webhooks_secret(key).sign(message_id, datetime.fromtimestamp(now, UTC), body.decode())
            return {"webhook-id": message_id, "webhook-timestamp": str(now), "webhook-signature": signature}
        case "token":
            return {header_of(entry): key if "header" in entry else f"Bearer {key}"}
        case "slack":
            signed = hmac.digest(key.encode(), b"v0:%d:%b" % (now, body), hashlib.sha256).hex()
            return {"X-Slack-Request-Timestamp": str(now), "X-Slack-Signature": f"v0={signed}"}
    digest = hmac.digest(key.encode(), body, hashlib.sha256)
    text = base64.b64encode(digest).decode() if entry.get("encoding") == "base64" else digest.hex()
    return {header_of(entry): f"{entry.get('prefix', '')}{text}"}


def verdict(status: int, content: bytes) -> tuple[bool, str]:
    """Return whether an answer to `signed_test` shows that the source works, and a sentence that says so."""
    try:
        answer = json.loads(content)
    except ValueError:
        answer = None
    code = answer.get("code") if isinstance(answer, dict) else None
    if (status, code) == (400, "tweet_missing") or (status == 200 and code is None and isinstance(answer, dict)):
        return True, "The signature was accepted. The test names no tweet, so nothing was queued."
    if status == 202:
        return True, "The signature was accepted, and a like was queued: the source's tweet expression is a constant."
    if code == "not_authenticated":
        return (
            False,
            "The signature was refused. A new source can take 30 seconds to be known; else compare the clocks.",
        )
    if code == "source_unavailable":
        return False, "The function can not read the source: see the line source_misconfigured in its log."
    return False, f"The API answered {status}, which is not an answer of this service. Is its address right?"
