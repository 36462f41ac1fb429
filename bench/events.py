"""What the functions are invoked with: the samples in ``events/``, each for a tweet of its own."""

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any, Final

from bench.servers import HMAC_SECRET

EVENTS: Final = Path(__file__).parents[1] / "events"

Event = dict[str, Any]


def _sample(name: str) -> Event:
    event: Event = json.loads((EVENTS / f"{name}.json").read_text())
    return event


_HTTP: Final = _sample("http-like")
_WEBHOOK: Final = _sample("webhook-hmac")
_QUEUE: Final = _sample("sqs-like")


def http(number: int = 0) -> Event:
    """Return a ``POST /likes`` for tweet 1000 + `number`."""
    return _HTTP | {"body": json.dumps({"tweet_id": str(1_000 + number)})}


def webhook(number: int = 0) -> Event:
    """Return a signed webhook for tweet 1000 + `number`."""
    body = json.dumps({"client_payload": {"tweet": str(1_000 + number)}})
    signature = hmac.new(HMAC_SECRET.encode(), body.encode(), hashlib.sha256).hexdigest()
    return _WEBHOOK | {
        "headers": {**_WEBHOOK["headers"], "x-hub-signature-256": f"sha256={signature}"},
        "body": body,
        "isBase64Encoded": False,
    }


def queue(number: int = 0, *, records: int = 1, accounts: int = 1) -> Event:
    """Return a batch of `records` records, dealt to `accounts` accounts, from tweet 1000 + `number` on."""
    (record,) = _QUEUE["Records"]
    return {
        "Records": [
            {
                **record,
                "messageId": f"message-{number + i}",
                "body": json.dumps({"tweet_id": str(1_000 + number + i), "account": f"account-{i % accounts}"}),
                "attributes": {**record["attributes"], "MessageGroupId": f"account-{i % accounts}"},
            }
            for i in range(records)
        ]
    }
