"""API Gateway's events (format 2.0) and answers."""

import base64
import json
from typing import Any

from likes.payload import InvalidPayload

Event = dict[str, Any]
Answer = dict[str, Any]


def body_of(event: Event) -> bytes:
    """Return the body's bytes as they were sent.

    Raises:
        InvalidPayload: ``invalid_encoding``.
    """
    body: str = event.get("body") or ""
    try:
        return base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode()
    except ValueError:
        raise InvalidPayload("invalid_encoding", "The body is not what its encoding says.") from None


def answer(status: int, body: dict[str, Any], *, media_type: str = "application/json", **headers: str) -> Answer:
    """Return an answer that nobody keeps."""
    fixed = {"content-type": media_type, "cache-control": "no-store"}
    return {"statusCode": status, "headers": fixed | headers, "body": json.dumps(body)}
