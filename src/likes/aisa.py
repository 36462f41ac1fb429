"""The client of AIsa's ``like_twitter``, and the only place that knows what its answers mean."""

import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import requests
import urllib3

from likes.outcomes import LIKED, Kind, Outcome
from likes.transport import CONNECTIONS, GatewayAdapter

CONNECT_SECONDS: Final = 3.0
READ_SECONDS: Final = 15.0
RETRY_SECONDS: Final = 0.2
QUICK_RETRIES: Final = 2
ANSWER_BYTES: Final = 65_536
LONGEST_WAIT_SECONDS: Final = 32 * 86_400  # a spending cap can last a month; a later moment is a mistake
X_WINDOW_SECONDS: Final = 900.0


class Meaning(NamedTuple):
    """What a status stands for: its kind, its stable reason, a sentence for a person."""

    kind: Kind
    reason: str
    detail: str


_STATUSES: Final[Mapping[int, Meaning]] = {
    400: Meaning(Kind.REJECTED, "invalid_request", "The gateway refused the request as malformed."),
    401: Meaning(Kind.BLOCKED, "key_refused", "The gateway does not accept the account's key. Set a valid one."),
    402: Meaning(Kind.BLOCKED, "balance_exhausted", "The gateway's balance or spending cap is used up. Top it up."),
    403: Meaning(
        Kind.BLOCKED,
        "forbidden",
        "X does not let the account like. Link it again with like.write, or ask the vendor whether likes are enrolled.",
    ),
    404: Meaning(Kind.REJECTED, "tweet_not_found", "There is no such tweet, or the account can not see it."),
    409: Meaning(Kind.UNAVAILABLE, "conflict", "The gateway is busy with the same request."),
    422: Meaning(Kind.REJECTED, "unprocessable", "The gateway refused the request's parameters."),
    429: Meaning(Kind.LIMITED, "rate_limited", "The limit of X or of the gateway is reached."),
}

_SERVER_ERROR: Final = Meaning(Kind.UNAVAILABLE, "upstream_error", "The gateway or X failed.")
_UNKNOWN_STATUS: Final = Meaning(Kind.UNAVAILABLE, "unexpected_status", "The gateway answered with an unknown status.")
_UNEXPECTED: Final = Meaning(Kind.UNAVAILABLE, "unexpected_answer", "The gateway's answer does not confirm the like.")
_TOO_LARGE: Final = Meaning(Kind.UNAVAILABLE, "oversized_answer", "The gateway's answer is too large to be one.")
_TIMEOUT: Final = Meaning(Kind.UNAVAILABLE, "upstream_timeout", "The gateway did not answer in time.")
_UNREACHABLE: Final = Meaning(Kind.UNAVAILABLE, "upstream_unreachable", "No usable answer came from the gateway.")

# Words that change what a status means. Each comes from bodies that were seen; none is required.
_PHRASES: Final[Mapping[int, tuple[tuple[str, Meaning], ...]]] = {
    400: (("cannot be found", _STATUSES[404]),),
    403: (
        ("region_blocked", _STATUSES[403]),
        ("blocked", Meaning(Kind.REJECTED, "author_blocked", "The tweet's author has blocked the account.")),
        ("not visible", Meaning(Kind.REJECTED, "tweet_not_visible", "The account can not see the tweet.")),
        (
            "not authorized to see",
            Meaning(Kind.REJECTED, "tweet_not_visible", "The account can not see the tweet."),
        ),
    ),
    422: (
        (
            "aisa_api_key",
            Meaning(
                Kind.BLOCKED,
                "key_wanted_in_body",
                "The gateway wants the key in the body: set AISA_KEY_IN_BODY.",
            ),
        ),
    ),
    429: (
        (
            "quota_exceeded",
            Meaning(Kind.LIMITED, "quota_exceeded", "The gateway's own quota for the key is used up."),
        ),
    ),
}

_QUICKLY_RETRIED: Final = frozenset({"upstream_error", "upstream_unreachable", "unexpected_answer"})


@dataclass(frozen=True, slots=True)
class Deadline:
    """The moment at which a like must be over, on `clock`'s scale (seconds)."""

    at: float
    clock: Callable[[], float] = time.monotonic

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        """Return the deadline `seconds` from now."""
        return cls(time.monotonic() + seconds)

    @property
    def seconds_left(self) -> float:
        """Seconds until it, never negative."""
        return max(0.0, self.at - self.clock())


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, seconds.

    Attributes:
        read: for a whole answer, at most.
        retry: before the first quick retry, about; the second waits twice as long.
    """

    read: float = READ_SECONDS
    retry: float = RETRY_SECONDS


PATIENCE: Final = Patience()


class AisaClient:
    """Calls ``like_twitter`` and reads its answers.

    Holds one session for all calls, so connections are kept. Safe to share between threads.

    Parameters:
        base_url: e.g. ``https://api.aisa.one``.
        key_in_body: also send the key as ``aisa_api_key`` in the body, as one of the vendor's clients does.
        clock: Unix seconds, for the moments that answers name.
        patience: how long to wait for answers and between retries.
    """

    def __init__(
        self,
        base_url: str,
        *,
        key_in_body: bool = False,
        clock: Callable[[], float] = time.time,
        patience: Patience = PATIENCE,
    ) -> None:
        self._key_in_body = key_in_body
        self._clock = clock
        self._patience = patience
        self._session = requests.Session()
        # Nothing from the environment: a netrc entry would replace the Authorization header.
        self._session.trust_env = False
        self._session.mount(f"{urlsplit(base_url).scheme}://", GatewayAdapter(pool_maxsize=CONNECTIONS))
        # What all calls have in common is prepared once. No cookie is: one account's must not come with another's key.
        url = f"{base_url.rstrip('/')}/apis/v1/twitter/like_twitter"
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        self._prepared = self._session.prepare_request(requests.Request("POST", url, headers=headers))

    def like(self, tweet_id: str, key: str, deadline: Deadline) -> Outcome:
        """Ask for the like, with at most two quick retries where the fault looks as if it will pass.

        A timeout is not retried here: it has already cost seconds, and the like may yet be on its way.
        """
        started = time.monotonic()
        for retry in range(QUICK_RETRIES + 1):
            outcome = self._call(tweet_id, key, deadline)
            pause = self._patience.retry * 2**retry * random.uniform(0.75, 1.25)  # noqa: S311 - jitter, not a secret
            if outcome.reason not in _QUICKLY_RETRIED or retry == QUICK_RETRIES or pause + 1 > deadline.seconds_left:
                break
            time.sleep(pause)
        return replace(outcome, upstream_ms=round((time.monotonic() - started) * 1000, 1))

    def request(self, tweet_id: str, key: str) -> requests.PreparedRequest:
        """Return what is sent to ask for a like."""
        request = self._prepared.copy()
        request.headers["Authorization"] = f"Bearer {key}"
        request.prepare_body(None, None, {"tweet_id": tweet_id} | ({"aisa_api_key": key} if self._key_in_body else {}))
        return request

    def _call(self, tweet_id: str, key: str, deadline: Deadline) -> Outcome:
        left = max(0.05, deadline.seconds_left)
        # Any: requests takes urllib3's own timeout as it is, but its types do not say so.
        timeout: Any = urllib3.Timeout(connect=CONNECT_SECONDS, read=self._patience.read, total=left)
        try:
            with self._session.send(
                self.request(tweet_id, key),
                timeout=timeout,
                allow_redirects=False,  # the key goes to the gateway and nowhere else
                stream=True,
            ) as response:
                return self._interpret(response, _read(response))
        except (requests.Timeout, urllib3.exceptions.TimeoutError):
            return Outcome(*_TIMEOUT)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError):
            return Outcome(*_UNREACHABLE)

    def _interpret(self, response: requests.Response, content: bytes | None) -> Outcome:
        status, now = response.status_code, self._clock()
        limits = Limits.of(response.headers, now)
        if 200 <= status < 300:
            confirmed = content is not None and _confirms(content)
            outcome = LIKED if confirmed else Outcome(*(_TOO_LARGE if content is None else _UNEXPECTED))
        else:
            outcome = Outcome(*_meaning(status, content or b""))
        if outcome.kind is Kind.LIMITED:
            outcome = replace(outcome, retry_at=limits.retry_at or limits.reset_at or now + X_WINDOW_SECONDS)
        return replace(
            outcome,
            status=status,
            request_id=_request_id(response.headers),
            pause_until=limits.reset_at if limits.nearly_spent else None,
        )


class Limits(NamedTuple):
    """What an answer's headers say of the limits.

    Attributes:
        retry_at: the moment ``Retry-After`` names, Unix seconds.
        reset_at: when the window that is nearest its end of supply starts anew, Unix seconds.
        nearly_spent: less than a tenth of the gateway's window is left, or nothing of X's.
    """

    retry_at: float | None
    reset_at: float | None
    nearly_spent: bool

    @classmethod
    def of(cls, headers: Mapping[str, str], now: float) -> "Limits":
        """Read the headers of any answer; what is missing or makes no sense counts as not said."""
        resets: list[float] = []
        spent: list[float] = []
        for prefix, suffix, reserve in _LIMIT_HEADERS:
            limit, remaining, reset = (
                _number(headers.get(f"{prefix}-{part}{suffix}")) for part in ("limit", "remaining", "reset")
            )
            if reset is None or not now < reset <= now + LONGEST_WAIT_SECONDS:
                continue
            resets.append(reset)
            if remaining is not None and (remaining <= 0 or remaining < (limit or 0) * reserve):
                spent.append(reset)
        return cls(_retry_after(headers.get("retry-after"), now), max(spent or resets, default=None), bool(spent))


# The gateway's names today, its older names, X's own; and the share of each window that is left unused.
_LIMIT_HEADERS: Final = (
    ("x-ratelimit", "-requests", 0.1),
    ("x-ratelimit", "", 0.1),
    ("x-rate-limit", "", 0.0),
)


def _meaning(status: int, content: bytes) -> Meaning:
    text = content.decode("utf-8", "replace").lower()
    for phrase, meaning in _PHRASES.get(status, ()):
        if phrase in text:
            return meaning
    return _STATUSES.get(status, _SERVER_ERROR if status >= 500 else _UNKNOWN_STATUS)


def _confirms(content: bytes) -> bool:
    """Whether an answer says that the tweet is liked now: ``data.liked`` is true, and ``code``, if any, 0 or 200."""
    try:
        match json.loads(content):
            case {"data": {"liked": True}, "code": code}:
                return code in (0, 200) and not isinstance(code, bool)
            case {"data": {"liked": True}}:
                return True
    except (ValueError, RecursionError):
        pass
    return False


def _read(response: requests.Response) -> bytes | None:
    """Return the body, or None when it is larger than any answer can be."""
    content = bytearray()
    while chunk := response.raw.read1(ANSWER_BYTES + 1 - len(content), decode_content=True):
        content += chunk
        if len(content) > ANSWER_BYTES:
            return None
    return bytes(content)


def _request_id(headers: Mapping[str, str]) -> str | None:
    value = headers.get("x-request-id", "")
    return value if value.isascii() and value.isprintable() and 0 < len(value) <= 128 else None


def _number(text: str | None) -> float | None:
    return float(text) if text and text.isascii() and text.isdigit() and len(text) < 16 else None


def _retry_after(text: str | None, now: float) -> float | None:
    """Return the moment that ``Retry-After`` names, in seconds or as a date (RFC 9110, 10.2.3)."""
    seconds = _number(text)
    if seconds is None and text:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - now
        except (ValueError, OverflowError):
            return None
    return now + seconds if seconds is not None and 0 < seconds <= LONGEST_WAIT_SECONDS else None
