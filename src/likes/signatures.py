"""How senders prove who they are: four schemes, each over the body's raw bytes, in constant time.

A scheme says no by raising `Unproven`, for whatever a sender may have put into the headers.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol

from standardwebhooks import Webhook

TOLERANCE_SECONDS: Final = 300
LEAST_SECRET_BYTES: Final = 16

Headers = Mapping[str, str]
"""Names in lower case, as API Gateway gives them."""


class Unproven(Exception):
    """The sender is not proven. The message is a stable code for the log; the sender does not get to know it."""


class Scheme(Protocol):
    """One way of proving."""

    def verify(self, headers: Headers, body: bytes, now: float) -> None:
        """Return if one of the secrets' owners sent `body`; `now` in Unix seconds.

        Raises:
            Unproven: they did not, or nobody can tell.
        """


@dataclass(frozen=True, slots=True, repr=False)
class Token:
    """A shared token in a header, which proves the sender and not the body; ``Bearer`` before it is allowed."""

    secrets: tuple[str, ...]
    header: str = "authorization"

    def verify(self, headers: Headers, body: bytes, now: float) -> None:  # noqa: ARG002 - a token covers neither
        """Compare the header with each secret."""
        given = _header(headers, self.header).removeprefix("Bearer ").encode("utf-8", "replace")
        _require_match(given, (secret.encode() for secret in self.secrets))


@dataclass(frozen=True, slots=True, repr=False)
class Hmac:
    """An HMAC-SHA256 of the body in a header, as GitHub and many others send it.

    Attributes:
        header: its name.
        prefix: what stands before the signature, e.g. ``sha256=``.
        encoding: of the signature, ``hex`` or ``base64``.
    """

    secrets: tuple[str, ...]
    header: str
    prefix: str = ""
    encoding: str = "hex"

    def verify(self, headers: Headers, body: bytes, now: float) -> None:  # noqa: ARG002 - the scheme has no time
        """Compare the signature with each secret's."""
        text = _header(headers, self.header)
        if not text.startswith(self.prefix):
            raise Unproven("signature_malformed")
        given = _decode(text.removeprefix(self.prefix), self.encoding)
        _require_match(given, (_digest(secret.encode(), body) for secret in self.secrets))


@dataclass(frozen=True, slots=True, repr=False)
class Slack:
    """Slack's signature of a request (https://docs.slack.dev/authentication/verifying-requests-from-slack)."""

    secrets: tuple[str, ...]

    def verify(self, headers: Headers, body: bytes, now: float) -> None:
        """Compare ``X-Slack-Signature`` with each secret's, over the time and the body."""
        text = _header(headers, "x-slack-signature")
        timestamp = _timestamp(headers, "x-slack-request-timestamp", now)
        if not text.startswith("v0="):
            raise Unproven("signature_malformed")
        signed = b"v0:%d:%b" % (timestamp, body)
        given = _decode(text.removeprefix("v0="), "hex")
        _require_match(given, (_digest(secret.encode(), signed) for secret in self.secrets))


@dataclass(frozen=True, slots=True, repr=False)
class StandardWebhooks:
    """The scheme of https://www.standardwebhooks.com, signed by the library of that name."""

    secrets: tuple[Webhook, ...]

    def verify(self, headers: Headers, body: bytes, now: float) -> None:
        """Compare each of the signatures in ``webhook-signature`` with each secret's."""
        message_id, text = _header(headers, "webhook-id"), _header(headers, "webhook-signature")
        timestamp = datetime.fromtimestamp(_timestamp(headers, "webhook-timestamp", now), UTC)
        try:
            expected = [secret.sign(message_id, timestamp, body.decode()).encode() for secret in self.secrets]
        except UnicodeError:
            raise Unproven("not_unicode") from None
        if not sum(_is_one_of(given.encode("utf-8", "replace"), expected) for given in text.split(" ")[:16]):
            raise Unproven("signature_mismatch")


def standard_webhooks_secret(text: str) -> Webhook:
    """Return the secret in `text`, ``whsec_`` and base64.

    Raises:
        ValueError: it is not, or it is shorter than `LEAST_SECRET_BYTES`.
    """
    key = base64.b64decode(text.removeprefix("whsec_"), validate=True)
    if len(key) < LEAST_SECRET_BYTES:
        raise ValueError("too short")
    return Webhook(key)


def _header(headers: Headers, name: str) -> str:
    value = headers.get(name)
    if not value:
        raise Unproven("header_missing")
    return value


def _timestamp(headers: Headers, name: str, now: float) -> int:
    text = _header(headers, name)
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise Unproven("timestamp_malformed")
    if abs(now - int(text)) > TOLERANCE_SECONDS:
        raise Unproven("timestamp_outside_tolerance")
    return int(text)


_DECODERS: Final[Mapping[str, Callable[[str], bytes]]] = {
    "hex": bytes.fromhex,
    "base64": lambda text: base64.b64decode(text, validate=True),
}


def _decode(text: str, encoding: str) -> bytes:
    try:
        return _DECODERS[encoding](text)
    except ValueError:
        raise Unproven("signature_malformed") from None


def _digest(secret: bytes, signed: bytes) -> bytes:
    return hmac.digest(secret, signed, hashlib.sha256)


def _require_match(given: bytes, expected: Iterable[bytes]) -> None:
    if not _is_one_of(given, expected):
        raise Unproven("signature_mismatch")


def _is_one_of(given: bytes, expected: Iterable[bytes]) -> bool:
    """Compare with all of them, however soon one matches."""
    return sum(hmac.compare_digest(given, one) for one in expected) > 0
