"""One local port that stands for API Gateway: an HTTP request in, the function's answer out.

It checks no signatures: who can reach this port is let in. On AWS the API does that, before the function is called.
"""

import base64
import json
import re
import time
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from local.serving import Handler, LoopbackServer

Invoke = Callable[[dict[str, Any]], dict[str, Any]]


class Gateway(LoopbackServer):
    """Serves routes on loopback until it is closed.

    Parameters:
        routes: route key, e.g. ``GET /likes/{tweet_id}``, to what invokes its function with an event (format 2.0).
        pages: path to the media type and the content of what else is served.
        port: 0 takes any that is free.
    """

    def __init__(
        self, routes: Mapping[str, Invoke], *, pages: Mapping[str, tuple[str, bytes]] | None = None, port: int = 0
    ) -> None:
        self.pages = pages or {}
        self._routes = [(key, _pattern(key), invoke) for key, invoke in routes.items()]
        super().__init__(_Handler, port=port)

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
        """Carry one request to its function."""
        parts = urlsplit(target)
        matches = [(key, match, invoke) for key, pattern, invoke in self._routes if (match := pattern(parts.path))]
        for key, match, invoke in matches:
            if key.startswith(f"{method} "):
                return invoke(_event(key, parts.path, parts.query, match.groupdict(), headers, body))
        if not matches:
            return {"statusCode": 404, "body": json.dumps({"message": "Not Found"})}
        allowed = ", ".join(key.partition(" ")[0] for key, _, _ in matches)
        return {"statusCode": 405, "headers": {"allow": allowed}, "body": json.dumps({"message": "Not Found"})}


class _Handler(Handler):
    owner: Gateway

    def do_GET(self) -> None:
        page = self.owner.pages.get(urlsplit(self.path).path)
        if page and self.command == "GET":
            self._send(200, {"content-type": page[0]}, page[1])
        else:
            self._carry()

    def _carry(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.owner.answer(self.command, self.path, headers, body)
        headers = {"content-type": "application/json", **answer.get("headers", {})}
        self._send(answer["statusCode"], headers, answer.get("body", "").encode())

    def _send(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def __getattr__(self, name: str) -> Any:
        """Take any method, known or not, for `do_GET` to answer."""
        if name.startswith("do_"):
            return self.do_GET
        raise AttributeError(name)


_PARAMETER: Final = re.compile(r"\\{(\w+)\\}")


def _pattern(key: str) -> Callable[[str], re.Match[str] | None]:
    path = re.escape(key.partition(" ")[2])
    return re.compile(_PARAMETER.sub(r"(?P<\1>[^/]+)", path)).fullmatch


def _event(
    key: str, path: str, query: str, parameters: Mapping[str, str], headers: Mapping[str, str], body: bytes
) -> dict[str, Any]:
    now = time.time()
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": key,
        "rawPath": path,
        "rawQueryString": query,
        "headers": dict(headers),
        "requestContext": {
            "http": {"method": key.partition(" ")[0], "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1"},
            "requestId": f"local-{now:.6f}",
            "routeKey": key,
            "stage": "$default",
            "timeEpoch": round(now * 1000),
        },
        "isBase64Encoded": False,
    }
    if query:
        event["queryStringParameters"] = dict(parse_qsl(query, keep_blank_values=True))
    if parameters:
        event["pathParameters"] = dict(parameters)
    if body:
        try:
            event["body"] = body.decode()
        except UnicodeDecodeError:
            event |= {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
    return event
