"""Who may send webhooks: the sources in the webhook secret, so that adding one needs no deployment.

{"crm":    {"scheme": "standard-webhooks", "secrets": ["whsec_..."], "tweet": "data.tweet_url"},
 "zapier": {"scheme": "token", "secrets": ["..."], "account": "brand-a"}}
"""

import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import jmespath
from aws_lambda_powertools.utilities.validation import SchemaValidationError
from jmespath.exceptions import JMESPathError

from likes.observability import logger
from likes.payload import ACCOUNT_PATTERN, DEFAULT_ACCOUNT
from likes.schemas import Schema
from likes.secrets import SecretMissing, StoredSecret
from likes.signatures import (
    LEAST_SECRET_BYTES,
    Headers,
    Hmac,
    Scheme,
    Slack,
    StandardWebhooks,
    Token,
    Unproven,
    standard_webhooks_secret,
)

REFRESH_SECONDS: Final = 30.0
"""The least time between two readings of the secret that refused senders can cause."""

_COMMON: Final[dict[str, Any]] = {
    "secrets": {"type": "array", "minItems": 1, "items": {"type": "string", "minLength": LEAST_SECRET_BYTES}},
    "account": {"type": "string", "pattern": ACCOUNT_PATTERN},
    "tweet": {"type": "string", "minLength": 1},
}
_HEADER_NAME: Final = {"type": "string", "pattern": "^[A-Za-z0-9-]+$"}


def _schema(*required: str, **properties: Any) -> Schema:
    return Schema(
        {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "type": "object",
            "properties": {"scheme": {}, **_COMMON, **properties},
            "required": ["secrets", *required],
            "additionalProperties": False,
        }
    )


SCHEMAS: Final[Mapping[str, Schema]] = {
    "standard-webhooks": _schema(),
    "token": _schema(header=_HEADER_NAME),
    "hmac": _schema("header", header=_HEADER_NAME, prefix={"type": "string"}, encoding={"enum": ["hex", "base64"]}),
    "slack": _schema(),
}
"""What a source looks like, by its scheme."""

_DEFAULT_TWEET: Final = {"slack": "text"}


@dataclass(frozen=True, slots=True, repr=False)
class Source:
    """A sender.

    Attributes:
        name: the last part of its address.
        scheme: how it proves itself.
        account: who likes what it sends.
        tweet: finds the id or the link in a body.
        answers_a_person: its answers are shown to whoever typed the command.
    """

    name: str
    scheme: Scheme
    account: str
    tweet: jmespath.parser.ParsedResult
    answers_a_person: bool


class SourceShut(Exception):
    """The source's own entry in the secret, or the secret as a whole, is at fault. The message is a stable code."""


class Sources:
    """The senders that the secret names.

    Parameters:
        secret: the webhook secret.
        clock: Unix seconds.
    """

    def __init__(self, secret: StoredSecret, *, clock: Callable[[], float] = time.time) -> None:
        self._secret = secret
        self._clock = clock
        self._text = ""
        self._sources: dict[str, Source | None] = {}
        self._refresh_at = 0.0

    def authenticate(self, name: str, headers: Headers, body: bytes) -> Source:
        """Return the source `name` if it sent `body`.

        Whoever is refused may come from a source that has just been added, or sign with a secret that has: the secret
        is read again then, unless that was done a moment ago.

        Raises:
            Unproven: it did not send it, or there is no such source; both take the same time.
            SourceShut: ``source_misconfigured``, ``webhook_secret_malformed``, ``secret_unreadable`` or
                ``secret_unavailable``. Nobody can tell now.
        """
        self._read(fresh=False)
        try:
            return self._verified(name, headers, body)
        except Unproven:
            if self._clock() < self._refresh_at or not self._read(fresh=True):
                raise
            return self._verified(name, headers, body)

    def _verified(self, name: str, headers: Headers, body: bytes) -> Source:
        source = self._sources.get(name, _NOBODY)
        if source is None:
            raise SourceShut("source_misconfigured")
        try:
            source.scheme.verify(headers, body, self._clock())
        except Unproven as error:
            raise Unproven("unknown_source" if source is _NOBODY else str(error)) from None
        return source

    def _read(self, *, fresh: bool) -> bool:
        """Read the secret, and say whether it is another than before."""
        if fresh:
            self._refresh_at = self._clock() + REFRESH_SECONDS
        try:
            text = self._secret.read(fresh=fresh)
        except SecretMissing as error:
            if error.cause != "not_set":
                raise SourceShut(f"secret_{error.cause}") from None
            text = "{}"
        if text == self._text:
            return False
        self._sources = _parse(text)
        self._text = text
        return True


def _parse(text: str) -> dict[str, Source | None]:
    """Return the sources; None in the place of each that is misconfigured, which the log then names.

    Raises:
        SourceShut: ``webhook_secret_malformed``.
    """
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError):
        entries = None
    if not isinstance(entries, dict):
        raise SourceShut("webhook_secret_malformed")
    sources: dict[str, Source | None] = {}
    for name, entry in entries.items():
        try:
            sources[name] = read_source(name, entry)
        except Mistake as mistake:
            logger.error("source_misconfigured", extra={"source": name, "mistake": str(mistake)})
            sources[name] = None
    return sources


class Mistake(Exception):
    """What is wrong with a source, in words that hold nothing of it but the names of its fields."""


def read_source(name: str, entry: Any) -> Source:
    """Return the source that an entry of the secret describes.

    Raises:
        Mistake: it describes none.
    """
    scheme = entry.get("scheme") if isinstance(entry, dict) else None
    if not isinstance(scheme, str) or scheme not in SCHEMAS:
        raise Mistake(f"scheme must be one of {', '.join(SCHEMAS)}")
    try:
        SCHEMAS[scheme].check(entry)
    except SchemaValidationError as error:
        field = ".".join(str(part) for part in (error.path or [])[1:]) or "the entry"
        raise Mistake(f"{field} does not keep the rule {error.rule}: {error.rule_definition}") from None
    try:
        tweet = jmespath.compile(entry.get("tweet", _DEFAULT_TWEET.get(scheme, "tweet_id || tweet_url")))
    except JMESPathError:
        raise Mistake("tweet is not a JMESPath expression") from None
    return Source(name, _make_scheme(scheme, entry), entry.get("account", DEFAULT_ACCOUNT), tweet, scheme == "slack")


def _make_scheme(scheme: str, entry: Mapping[str, Any]) -> Scheme:
    keys = tuple(entry["secrets"])
    match scheme:
        case "standard-webhooks":
            try:
                return StandardWebhooks(tuple(standard_webhooks_secret(key) for key in keys))
            except ValueError:
                raise Mistake(f"secrets must be whsec_ and base64 of at least {LEAST_SECRET_BYTES} bytes") from None
        case "token":
            return Token(keys, entry.get("header", "Authorization").lower())
        case "hmac":
            return Hmac(keys, entry["header"].lower(), entry.get("prefix", ""), entry.get("encoding", "hex"))
    return Slack(keys)


class _Decoy:
    """Does the work of a scheme for a source that there is not, so that nobody can tell by the time it takes."""

    def __init__(self) -> None:
        self._scheme = Hmac((os.urandom(32).hex(),), "signature")

    def verify(self, headers: Headers, body: bytes, now: float) -> None:  # noqa: ARG002 - nothing can satisfy it
        self._scheme.verify({"signature": "00" * 32}, body, now)


_NOBODY: Final = Source("", _Decoy(), DEFAULT_ACCOUNT, jmespath.compile("@"), answers_a_person=False)
