"""The ways in which the simulator misbehaves on command."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

_NUMBER: Final = (int, float)
_JSON_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "status": (int,),
    "body": (str, dict, list, int, float, bool, type(None)),
    "headers": (dict,),
    "after_like": (bool,),
    "delay": _NUMBER,
    "pause": (*_NUMBER, type(None)),
    "slow_head": (bool,),
    "reset": (bool,),
    "midway": (bool,),
    "garbage": (bool,),
    "size": (int,),
}


@dataclass(frozen=True)
class Fault:
    """What one call gets instead of its answer.

    Attributes:
        status: status of the answer that is sent, unless the connection is treated worse.
        body: what is sent as the body.
        headers: further headers.
        after_like: the like is made and charged before the fault shows: the answer is lost, not the like.
        delay: seconds of silence first.
        pause: seconds between the bytes of the body; None sends it at once.
        slow_head: the pauses are between the bytes of the status line and the headers, too.
        reset: close the connection with a reset, before anything is sent.
        midway: send a part of the answer before the reset.
        garbage: send bytes that are no HTTP.
        size: send a body of so many bytes, as long as the client takes them.
    """

    status: int = 500
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    after_like: bool = False
    delay: float = 0.0
    pause: float | None = None
    slow_head: bool = False
    reset: bool = False
    midway: bool = False
    garbage: bool = False
    size: int = 0

    @classmethod
    def answer(cls, status: int, body: Any = b"", *, headers: Mapping[str, str] | None = None) -> Self:
        """Answer with this status and body: bytes, text, or anything that JSON can hold."""
        return cls(status, _bytes(body), headers or {})

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Self:
        """Read the attributes, by their names; `body` is text, or anything else that JSON can hold.

        Raises:
            ValueError: a field is unknown or not of its type.
        """
        for name, value in fields.items():
            if type(value) not in _JSON_TYPES.get(name, ()):
                raise ValueError(f"{name} is not a field of a fault, or not of its type")
        if not all(isinstance(value, str) for value in fields.get("headers", {}).values()):
            raise ValueError("headers must be strings")
        return cls(**{**fields, "body": _bytes(fields.get("body", b""))})

    @classmethod
    def redirect(cls, url: str) -> Self:
        """Redirect to `url`."""
        return cls(302, headers={"Location": url})

    @classmethod
    def silence(cls, seconds: float, *, after_like: bool = False) -> Self:
        """Say nothing for `seconds`, then fail."""
        return cls(504, delay=seconds, after_like=after_like)

    @classmethod
    def lost(cls, *, midway: bool = False, after_like: bool = False) -> Self:
        """Reset the connection, at once or in the middle of the body."""
        return cls(reset=True, midway=midway, after_like=after_like)

    @classmethod
    def nonsense(cls) -> Self:
        """Send bytes that are no HTTP."""
        return cls(garbage=True)

    @classmethod
    def huge(cls, size: int) -> Self:
        """Send a body of `size` bytes."""
        return cls(200, size=size)

    @classmethod
    def drip(cls, body: str, *, pause: float, slow_head: bool = False) -> Self:
        """Answer 200, one byte of the body, or of the whole answer, every `pause` seconds."""
        return cls(200, body.encode(), pause=pause, slow_head=slow_head)


def _bytes(body: Any) -> bytes:
    if isinstance(body, bytes):
        return body
    return (body if isinstance(body, str) else json.dumps(body)).encode()
