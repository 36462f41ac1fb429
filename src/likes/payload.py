"""What a request for a like looks like, on HTTP and in a queue alike."""

import json
from dataclasses import dataclass
from typing import Any, Final

from aws_lambda_powertools.utilities.validation import SchemaValidationError

from likes.schemas import Schema
from likes.tweets import NotATweet, tweet_id, tweet_id_from, tweet_id_from_url

DEFAULT_ACCOUNT: Final = "default"
ACCOUNT_PATTERN: Final = "^[A-Za-z0-9_.-]{1,64}$"

_DEFINITION: Final[dict[str, Any]] = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "title": "LikeRequest",
    "description": "One tweet to like, by id or by link, for one of the owner's accounts.",
    "type": "object",
    "properties": {
        "tweet_id": {
            "type": "string",
            "pattern": "^[1-9][0-9]{0,18}$",
            "description": "Numeric id of the tweet, as a string.",
            "examples": ["1346889436626259968"],
        },
        "tweet_url": {
            "type": "string",
            "maxLength": 2048,
            "description": "Link to the tweet.",
            "examples": ["https://x.com/XDevelopers/status/1346889436626259968"],
        },
        "account": {
            "type": "string",
            "pattern": ACCOUNT_PATTERN,
            "default": DEFAULT_ACCOUNT,
            "description": "Which of the owner's accounts likes it.",
        },
    },
    "oneOf": [{"required": ["tweet_id"]}, {"required": ["tweet_url"]}],
}

SCHEMA: Final = Schema(_DEFINITION)
"""What a request looks like. Unknown fields pass; see `STRICT_SCHEMA`."""

STRICT_SCHEMA: Final = Schema({**_DEFINITION, "additionalProperties": False})
"""The same, but a field it does not know is refused: a typing error must not turn into the wrong account."""


@dataclass(frozen=True, slots=True)
class LikeRequest:
    """One tweet for one account to like."""

    tweet_id: str
    account: str = DEFAULT_ACCOUNT


class InvalidPayload(ValueError):
    """The payload asks for nothing that can be done.

    Attributes:
        code: stable reason, e.g. ``invalid_json``.
        detail: one sentence for the sender. It never quotes the payload, which may hold anything.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


def read_json(text: str | bytes) -> Any:
    """Return the JSON value in `text`.

    Raises:
        InvalidPayload: ``invalid_json``, for what is not JSON or nests too deep to read.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidPayload("invalid_json", "The body is not valid JSON.") from None


def read_message(body: str) -> LikeRequest:
    """Return the request in an SQS message, unwrapped where SNS or EventBridge carried it.

    Raises:
        InvalidPayload: see `read_request`.
    """
    return read_request(_unwrap(read_json(body)))


def read_request(payload: Any, *, schema: Schema = SCHEMA) -> LikeRequest:
    """Check `payload` against `schema` and return the request in it.

    Raises:
        InvalidPayload: ``tweet_id_not_a_string``, ``invalid_tweet_id``, ``invalid_tweet_url``, ``shortened_url``,
            ``invalid_account``, ``unknown_field`` or ``invalid_payload``.
    """
    try:
        schema.check(payload)
        tweet = tweet_id(payload["tweet_id"]) if "tweet_id" in payload else tweet_id_from_url(payload["tweet_url"])
    except SchemaValidationError as error:
        raise _explain(payload, error) from None
    except NotATweet as error:
        raise InvalidPayload(error.code, error.detail) from None
    return LikeRequest(tweet, payload.get("account", DEFAULT_ACCOUNT))


def read_tweet(found: Any) -> str:
    """Return the id in what a webhook's body holds in the place of its tweet: an id or a link.

    Raises:
        InvalidPayload: ``tweet_missing``, ``tweet_id_not_a_string``, ``invalid_tweet_id``, ``invalid_tweet_url`` or
            ``shortened_url``.
    """
    if isinstance(found, int | float) and not isinstance(found, bool):
        raise _id_as_number()
    if not isinstance(found, str) or not found.strip():
        raise InvalidPayload("tweet_missing", "The body names no tweet where this source's tweets are looked for.")
    try:
        return tweet_id_from(found)
    except NotATweet as error:
        raise InvalidPayload(error.code, error.detail) from None


def _id_as_number() -> InvalidPayload:
    return InvalidPayload(
        "tweet_id_not_a_string",
        "A tweet's id must be a string: as a JSON number it may have been rounded already, and name another tweet.",
    )


def _unwrap(payload: Any) -> Any:
    match payload:
        case {"Type": "Notification", "TopicArn": str(), "Message": str(message)}:
            return read_json(message)
        case {"detail-type": str(), "source": str(), "detail": detail}:
            return detail
    return payload


_EXPLANATIONS: Final = {
    "tweet_id": ("invalid_tweet_id", "tweet_id is a string of 1 to 19 digits, the first of them not 0."),
    "tweet_url": ("invalid_tweet_url", "tweet_url is a string, a link to a tweet."),
    "account": (
        "invalid_account",
        "account is a string of 1 to 64 letters, digits, dots, dashes or underscores.",
    ),
}


def _explain(payload: Any, error: SchemaValidationError) -> InvalidPayload:
    """Say what is wrong in words of our own: the validator's quote the payload."""
    if not isinstance(payload, dict):
        return InvalidPayload("invalid_payload", "The body must be a JSON object.")
    field = error.path[1] if error.path and len(error.path) > 1 else None
    if field == "tweet_id" and isinstance(payload["tweet_id"], int | float):
        return _id_as_number()
    if field in _EXPLANATIONS:
        return InvalidPayload(*_EXPLANATIONS[field])
    if error.rule == "additionalProperties":
        known = ", ".join(_DEFINITION["properties"])
        return InvalidPayload("unknown_field", f"The body has a field that is not known. Known are {known}.")
    return InvalidPayload("invalid_payload", "Give exactly one of tweet_id and tweet_url.")
