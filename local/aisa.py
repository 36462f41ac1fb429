"""A simulator of AIsa's ``like_twitter`` and of X behind it, on loopback, for development and tests.

It keeps the contract that the vendor documents: keys, validation, idempotence, X's limits per account with their
headers, the gateway's own limit per key, and the price of every success. `AisaSimulator.misbehave` breaks it.
``python -m local.aisa --key sk-1=default`` runs it alone. Another process commands it over HTTP::

    GET    /_simulator          what happened so far
    GET    /_simulator/calls    every call
    PUT    /_simulator/keys     {"sk-2": "default"}: the keys from now on; those left out are revoked
    POST   /_simulator/faults   a `Fault` by its attributes, and optionally times (null: always), tweet_id, account
    DELETE /_simulator/faults   forget all faults
"""

import argparse
import json
import math
import re
import secrets
import socket
import struct
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from local.faults import Fault
from local.serving import Handler, LoopbackServer

LIKE_PATH: Final = "/apis/v1/twitter/like_twitter"
LINK_PATH: Final = "/apis/v1/twitter/auth_twitter"
CONTROL_PATH: Final = "/_simulator"
DAY_SECONDS: Final = 86_400.0
LINK_SECONDS: Final = 600

_TWEET_ID: Final = re.compile(r"[0-9]{1,19}")
_CHUNK: Final = b" " * 65_536
_NOT_JSON: Final = object()


@dataclass
class Call:
    """One call of ``like_twitter`` as the simulator saw it. It holds no key.

    Attributes:
        at: Unix seconds.
        account: whose key was sent; None for an unknown one.
        tweet_id: as it was sent; None when it was not a string.
        key_in_body: the key came in the body, too.
        with_cookie: a cookie came with it.
        status: of the answer; None when a fault gave none.
        bytes_sent: of the body, as far as the client took them.
    """

    at: float
    account: str | None
    tweet_id: str | None
    key_in_body: bool = False
    with_cookie: bool = False
    status: int | None = None
    bytes_sent: int = 0


@dataclass
class _Answer:
    status: int
    body: Any
    headers: dict[str, str]


@dataclass
class _Window:
    """A fixed window, as X counts: it opens with its first call and lasts `seconds`."""

    limit: int
    seconds: float
    ends_at: float = 0.0
    used: int = 0

    def roll(self, now: float) -> None:
        if now >= self.ends_at:
            self.ends_at, self.used = now + self.seconds, 0

    @property
    def is_spent(self) -> bool:
        return self.used >= self.limit

    def headers(self, prefix: str, suffix: str = "") -> dict[str, str]:
        values = {"limit": self.limit, "remaining": self.limit - self.used, "reset": math.ceil(self.ends_at)}
        return {f"{prefix}-{name}{suffix}": str(value) for name, value in values.items()}


@dataclass
class _Order:
    """Faults that were commanded and whom they are for."""

    fault: Fault
    times: float
    tweet_id: str | None
    account: str | None


class AisaSimulator(LoopbackServer):
    """Serves on loopback until it is closed.

    Parameters:
        keys: the API keys and whose they are.
        port: 0 takes any that is free.
        likes_per_window: X's limit per account and window.
        window_seconds: the length of X's window.
        likes_per_day: X's limit per account and 24 hours.
        requests_per_minute: the gateway's limit per key; None sends no headers of its own.
        clock: Unix seconds.
        price: USD for each success.
        missing: tweets that do not exist.

    Attributes:
        calls: every call of ``like_twitter``, in order.
        likes: account to the tweets it likes.
        charges: how often each account paid for each tweet.
        over_limit: how often X answered 429, by account and by the moment at which that window ends.
        on_call: called when a call has been read, before anything comes of it.
        after_like: called when a like was made and charged, before the answer is sent.
    """

    def __init__(
        self,
        keys: Mapping[str, str],
        *,
        port: int = 0,
        likes_per_window: int = 50,
        window_seconds: float = 900.0,
        likes_per_day: int = 1_000,
        requests_per_minute: int | None = None,
        clock: Callable[[], float] = time.time,
        price: float = 0.015,
        missing: Collection[str] = (),
    ) -> None:
        self.calls: list[Call] = []
        self.likes: defaultdict[str, set[str]] = defaultdict(set)
        self.charges: Counter[tuple[str, str]] = Counter()
        self.over_limit: Counter[tuple[str, float]] = Counter()
        self.missing = missing
        self.on_call: Callable[[Call], object] = lambda _call: None
        self.after_like: Callable[[Call], object] = lambda _call: None
        self.clock = clock
        self.closed = threading.Event()
        self._keys = dict(keys)
        self._revoked: set[str] = set()
        self._price = price
        self._orders: list[_Order] = []
        self._lock = threading.Lock()
        self._windows: defaultdict[str, _Window] = defaultdict(lambda: _Window(likes_per_window, window_seconds))
        self._days: defaultdict[str, _Window] = defaultdict(lambda: _Window(likes_per_day, DAY_SECONDS))
        self._minutes: defaultdict[str, _Window] = defaultdict(lambda: _Window(requests_per_minute or 0, 60.0))
        self._limits_keys = requests_per_minute is not None
        super().__init__(_Handler, port=port)

    def close(self) -> None:
        """Stop serving, and end whatever silence is being kept."""
        self.closed.set()
        super().close()

    @property
    def spent(self) -> float:
        """What all likes have cost, USD."""
        return self._price * self.charges.total()

    def add_key(self, key: str, account: str) -> None:
        """Accept `key` as one of `account`'s."""
        with self._lock:
            self._keys[key] = account
            self._revoked.discard(key)

    def revoke_key(self, key: str) -> None:
        """Accept `key` no longer."""
        with self._lock:
            self._revoked.add(key)

    def replace_keys(self, keys: Mapping[str, str]) -> None:
        """Accept `keys`, and no longer those that are not among them."""
        with self._lock:
            self._revoked = (self._revoked | self._keys.keys()) - keys.keys()
            self._keys = dict(keys)

    def misbehave(
        self, fault: Fault, *, times: float = 1, tweet_id: str | None = None, account: str | None = None
    ) -> None:
        """Give the next `times` calls (of this tweet or account, if named) `fault` for an answer."""
        with self._lock:
            self._orders.append(_Order(fault, times, tweet_id, account))

    def behave(self) -> None:
        """Forget all faults."""
        with self._lock:
            self._orders.clear()

    def state(self) -> dict[str, Any]:
        """Return what happened so far, ready for JSON."""
        with self._lock:
            return {
                "likes": {account: sorted(tweets, key=int) for account, tweets in self.likes.items()},
                "calls": Counter(str(call.status) for call in self.calls),
                "charges": self.charges.total(),
                "spent_usd": round(self.spent, 3),
            }

    def like(self, key: str | None, payload: bytes, *, with_cookie: bool) -> tuple[Call, _Answer | Fault]:
        """Take one call and decide what it gets."""
        body = _json(payload)
        fields = body if isinstance(body, dict) else {}
        tweet_id = fields.get("tweet_id")
        tweet_id = tweet_id if isinstance(tweet_id, str) else None
        with self._lock:
            call = Call(self.clock(), self._account(key), tweet_id, "aisa_api_key" in fields, with_cookie)
            self.calls.append(call)
        self.on_call(call)
        with self._lock:
            fault = self._next_fault(call)
            if fault and not fault.after_like:
                return call, fault
            answer = self._like(key, call, body)
        if answer.status == 200:
            self.after_like(call)
        return call, fault or answer

    def link(self, key: str | None, payload: bytes) -> _Answer:
        """Start an OAuth flow."""
        body = _json(payload)
        with self._lock:
            if self._account(key) is None:
                return self._refused(key)
        if not isinstance(body, dict) or body.get("aisa_api_key") != key:
            return _error(422, "unsupported_parameter", "aisa_api_key is required.")
        scopes = body.get("scopes", [])
        if not isinstance(scopes, list) or not all(isinstance(scope, str) for scope in scopes):
            return _error(422, "unsupported_parameter", "scopes must be an array of strings.")
        state = secrets.token_urlsafe(16)
        url = f"{self.url}/authorize?state={state}"
        expires_at = int(self.clock()) + LINK_SECONDS
        return _Answer(200, {"data": {"auth_url": url, "state": state, "expires_at": expires_at}}, {})

    def _account(self, key: str | None) -> str | None:
        return None if key is None or key in self._revoked else self._keys.get(key)

    def _refused(self, key: str | None) -> _Answer:
        code = "missing_api_key" if not key else "revoked_api_key" if key in self._revoked else "invalid_api_key"
        return _error(401, code, "The API key is not valid.")

    def _like(self, key: str | None, call: Call, body: Any) -> _Answer:
        if key is None or call.account is None:
            return self._refused(key)
        headers: dict[str, str] = {}
        if self._limits_keys:
            minute = self._minutes[key]
            minute.roll(call.at)
            if minute.is_spent:
                return self._limited(minute, "rate_limit_exceeded", call, minute.headers("X-RateLimit", "-Requests"))
            minute.used += 1
            headers = minute.headers("X-RateLimit", "-Requests")
        if body is _NOT_JSON:
            return _error(400, "json_parse_error", "The body is not JSON.", headers)
        if call.tweet_id is None or not _TWEET_ID.fullmatch(call.tweet_id):
            return _error(400, "invalid-request", "tweet_id must match ^[0-9]{1,19}$.", headers)
        window, day = self._windows[call.account], self._days[call.account]
        for limit in (window, day):
            limit.roll(call.at)
        for limit in (day, window):
            if limit.is_spent:
                self.over_limit[call.account, limit.ends_at] += 1
                return self._limited(limit, "upstream_rate_limit", call, headers | limit.headers("x-rate-limit"))
        for limit in (window, day):
            limit.used += 1
        headers |= window.headers("x-rate-limit")
        if call.tweet_id in self.missing:
            return _error(404, "resource-not-found", "No such tweet.", headers)
        self.likes[call.account].add(call.tweet_id)
        self.charges[call.account, call.tweet_id] += 1
        return _Answer(200, {"data": {"liked": True}}, headers)

    def _limited(self, window: _Window, code: str, call: Call, headers: dict[str, str]) -> _Answer:
        retry_after = {"Retry-After": str(max(1, math.ceil(window.ends_at - call.at)))}
        return _error(429, code, "Too many requests.", headers | retry_after)

    def _next_fault(self, call: Call) -> Fault | None:
        for order in self._orders:
            if order.times >= 1 and order.tweet_id in {None, call.tweet_id} and order.account in {None, call.account}:
                order.times -= 1
                return order.fault
        return None


class _Handler(Handler):
    owner: AisaSimulator

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if not (length.isascii() and length.isdigit()):
            self.close_connection = True  # where the next request starts can not be told
            self._send(_error(400, "invalid-request", "Content-Length is not a length."))
            return
        payload = self.rfile.read(int(length))
        routes: dict[str, dict[str, Callable[[bytes], None]]] = {
            LIKE_PATH: {"POST": self._like},
            LINK_PATH: {"POST": self._link},
            CONTROL_PATH: {"GET": self._show_state},
            f"{CONTROL_PATH}/calls": {"GET": self._show_calls},
            f"{CONTROL_PATH}/keys": {"PUT": self._replace_keys},
            f"{CONTROL_PATH}/faults": {"POST": self._misbehave_from_now, "DELETE": self._behave},
        }
        methods = routes.get(urlsplit(self.path).path)
        if methods is None:
            self._send(_error(404, "resource-not-found", "No such path."))
        elif self.command not in methods:
            allowed = ", ".join(methods)
            self._send(_error(405, "method-not-allowed", f"Use {allowed}.", {"Allow": allowed}))
        else:
            methods[self.command](payload)

    do_GET = do_HEAD = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_POST

    def _key(self) -> str | None:
        kind, _, key = self.headers.get("Authorization", "").partition(" ")
        return key if kind == "Bearer" and key else None

    def _like(self, payload: bytes) -> None:
        call, outcome = self.owner.like(self._key(), payload, with_cookie="Cookie" in self.headers)
        if isinstance(outcome, Fault):
            self._misbehave(outcome, call)
        else:
            call.status = outcome.status
            self._send(outcome)

    def _link(self, payload: bytes) -> None:
        self._send(self.owner.link(self._key(), payload))

    def _show_state(self, _payload: bytes) -> None:
        self._send(_Answer(200, self.owner.state(), {}))

    def _show_calls(self, _payload: bytes) -> None:
        self._send(_Answer(200, [asdict(call) for call in self.owner.calls], {}))

    def _replace_keys(self, payload: bytes) -> None:
        keys = _json(payload)
        if not isinstance(keys, dict) or not all(isinstance(account, str) for account in keys.values()):
            self._send(_error(400, "invalid-request", "Send an object of keys and their accounts."))
            return
        self.owner.replace_keys(keys)
        self._send(_Answer(200, {}, {}))

    def _misbehave_from_now(self, payload: bytes) -> None:
        order = _json(payload)
        if not isinstance(order, dict):
            self._send(_error(400, "invalid-request", "Send an object."))
            return
        try:
            command = _command(order)
        except ValueError as error:
            self._send(_error(400, "invalid-request", str(error)))
            return
        self.owner.misbehave(command.fault, times=command.times, tweet_id=command.tweet_id, account=command.account)
        self._send(_Answer(200, {}, {}))

    def _behave(self, _payload: bytes) -> None:
        self.owner.behave()
        self._send(_Answer(200, {}, {}))

    def _send(self, answer: _Answer) -> None:
        body = json.dumps(answer.body).encode()
        self._start(answer.status, {"Content-Type": "application/json"} | answer.headers, len(body))
        if self.command != "HEAD":
            self.wfile.write(body)

    def _start(self, status: int, headers: Mapping[str, str], length: int) -> None:
        self.send_response(status)
        for name, value in ({"X-Request-ID": _request_id()} | dict(headers)).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def _misbehave(self, fault: Fault, call: Call) -> None:
        if self.owner.closed.wait(fault.delay):
            self.close_connection = True
            return
        try:
            if fault.reset:
                if fault.midway:
                    self._start(200, {}, 1_000)
                    self.wfile.write(b'{"data": {"li')
                self._reset()
                return
            if fault.garbage:
                self.wfile.write(b"\x00\xff these are not the bytes of a protocol \r\n\r\n")
                self.close_connection = True
                return
            call.status = fault.status
            if fault.slow_head:
                head = f"HTTP/1.1 {fault.status} -\r\nContent-Length: {len(fault.body)}\r\n\r\n"
                for byte in head.encode():
                    self._write(bytes([byte]), fault.pause)
            else:
                self._start(fault.status, fault.headers, fault.size or len(fault.body))
            for piece in _pieces(fault):
                self._write(piece, fault.pause)
                call.bytes_sent += len(piece)
        except OSError:
            self.close_connection = True  # the client has had enough

    def _write(self, piece: bytes, pause: float | None) -> None:
        self.wfile.write(piece)
        self.wfile.flush()
        if pause is not None and self.owner.closed.wait(pause):
            raise ConnectionAbortedError

    def _reset(self) -> None:
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True


def _command(fields: dict[str, Any]) -> _Order:
    times, tweet_id, account = fields.pop("times", 1), fields.pop("tweet_id", None), fields.pop("account", None)
    if times is not None and type(times) is not int:
        raise ValueError("times must be a whole number or null")
    if not all(isinstance(whom, str | None) for whom in (tweet_id, account)):
        raise ValueError("tweet_id and account must be strings")
    return _Order(Fault.from_json(fields), math.inf if times is None else times, tweet_id, account)


def _pieces(fault: Fault) -> list[bytes]:
    if fault.size:
        return [_CHUNK] * (fault.size // len(_CHUNK)) + [_CHUNK[: fault.size % len(_CHUNK)]]
    if fault.pause is not None:
        return [bytes([byte]) for byte in fault.body]
    return [fault.body]


def _json(payload: bytes) -> Any:
    try:
        return json.loads(payload)
    except (ValueError, RecursionError):
        return _NOT_JSON


def _request_id() -> str:
    return f"req_{secrets.token_hex(8)}"


def _error(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> _Answer:
    request_id = _request_id()
    body = {"error": {"type": "error", "code": code, "message": message, "request_id": request_id}}
    return _Answer(status, body, {**(headers or {}), "X-Request-ID": request_id})


def _key_and_account(text: str) -> tuple[str, str]:
    key, _, account = text.partition("=")
    if not (key and account):
        raise argparse.ArgumentTypeError("give KEY=account")
    return key, account


def main(arguments: list[str] | None = None) -> None:
    """Run the simulator alone until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m local.aisa", description="A simulator of AIsa on loopback.")
    parser.add_argument("--port", type=int, default=0, help="0, the default, takes any that is free")
    parser.add_argument("--key", type=_key_and_account, action="append", required=True, metavar="KEY=account")
    options = parser.parse_args(arguments)
    with AisaSimulator(dict(options.key), port=options.port) as simulator, suppress(KeyboardInterrupt):
        print(f"AIsa is simulated at {simulator.url}", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
