"""The local port's page: Swagger UI over ``docs/openapi.yaml``, from the copy inside Powertools: it works offline."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import yaml
from aws_lambda_powertools.event_handler.openapi import swagger_ui

PROJECT: Final = Path(__file__).parents[1]
SWAGGER_UI: Final = Path(swagger_ui.__file__).parent

Page = tuple[str, bytes]
"""Media type and content."""


def pages(source: str, secret: str) -> Mapping[str, Page]:
    """Return the pages by path. What is sent to `source` is signed with `secret`, a Standard Webhooks one."""
    document = yaml.safe_load((PROJECT / "docs" / "openapi.yaml").read_text())
    document["servers"] = [{"url": "/", "description": "this machine"}]
    for path in ("/likes", "/likes/{tweet_id}"):  # API Gateway's part, which nobody plays here
        for operation in document["paths"][path].values():
            operation["security"] = []
            del operation["responses"]["403"]
    html = (PROJECT / "local" / "page.html").read_text()
    html = html.replace('"{source}"', json.dumps(source)).replace('"{secret}"', json.dumps(secret))
    return {
        "/": ("text/html; charset=utf-8", html.encode()),
        "/openapi.json": ("application/json", json.dumps(document).encode()),
        "/swagger-ui.js": ("text/javascript", (SWAGGER_UI / "swagger-ui-bundle.min.js").read_bytes()),
        "/swagger-ui.css": ("text/css", (SWAGGER_UI / "swagger-ui.min.css").read_bytes()),
        "/favicon.ico": ("image/svg+xml", b'<svg xmlns="http://www.w3.org/2000/svg"/>'),
    }
