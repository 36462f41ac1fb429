"""How calls travel: in one piece, over connections that are kept and trust one CA bundle, and never for long."""

import io
import ssl
import time
from functools import cache
from http.client import HTTPResponse
from typing import Any, Final, cast

import certifi
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

CONNECTIONS: Final = 16  # kept at most, to each server


def connections(url: str) -> HTTPConnectionPool:
    """Return the connections to the server at `url`; a read timeout bounds the whole answer."""
    manager = urllib3.PoolManager(maxsize=CONNECTIONS, ssl_context=_trust())
    manager.pool_classes_by_scheme = _POOLS
    return manager.connection_from_url(url)


@cache
def _trust() -> ssl.SSLContext:
    """Return the one SSLContext of the process: reading the CA bundle takes 25 ms."""
    return ssl.create_default_context(cafile=certifi.where())


class GatewayAdapter(HTTPAdapter):
    """Gives every connection the same SSLContext, and a read timeout that bounds the whole answer.

    `requests` alone would read the CA bundle anew for each connection, and start the timeout again with each byte that
    comes in.
    """

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=_trust(), **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Leave verification to the context, which demands a valid certificate for the host."""


class _PunctualReader(io.RawIOBase):
    """Reads from a socket until its timeout, counted from now, is over."""

    def __init__(self, sock: Any, raw: io.RawIOBase) -> None:
        self._sock = sock
        self._raw = raw
        self._until = time.monotonic() + sock.gettimeout()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._sock.settimeout(left)
        return cast("int | None", self._raw.readinto(buffer))

    def close(self) -> None:
        self._raw.close()
        super().close()


class _PunctualResponse(HTTPResponse):
    def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_PunctualReader(sock, self.fp.detach()))


class _Connection(HTTPConnection):
    """Sends a request's head and body together: one packet, and the other side is woken once."""

    response_class = _PunctualResponse
    _held: list[bytes] | None = None

    def request(self, *args: Any, **kwargs: Any) -> None:
        held: list[bytes] = []
        self._held = held
        try:
            super().request(*args, **kwargs)
        finally:
            self._held = None
        self.send(b"".join(held))

    def send(self, data: Any) -> None:
        if self._held is None:
            super().send(data)
        else:
            self._held.append(data)


class _TlsConnection(_Connection, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


_POOLS: Final = {"http": _Pool, "https": _TlsPool}
