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
        port: 0 takes any that is free.
    """

    def __init__(self, routes: Mapping[str, Invoke], *, port: int = 0) -> None:
        self._routes = [(key, _pattern(key), invoke) for key, invoke in routes.items()]
        super().__init__(_Handler, port=port)

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
        """Carry one request to its function."""
        parts = urlsplit(target)
        matches = [(key, match, invoke) for key, pattern, invoke in self._routes if (match := pattern(parts.path))]
        for key, match, invoke in matches:
            if key.startswith(f"{method} "):
                return invoke(_event(key, parts.path, parts.query, match.groupdict(), headers, body))
        return {"statusCode": 405 if matches else 404, "body": json.dumps({"message": "Not Found"})}


class _Handler(Handler):
    owner: Gateway

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.owner.answer(self.command, self.path, headers, body)
        content = answer.get("body", "").encode()
        self.send_response(answer["statusCode"])
        for name, value in {"content-type": "application/json", **answer.get("headers", {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET


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
