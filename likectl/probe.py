"""Whether the gateway accepts a key, without a like and without its price."""

from typing import Final

from likes.aisa import AisaClient, Deadline
from likes.outcomes import Outcome
from likes.settings import AisaSettings

PATIENCE_SECONDS: Final = 20.0
NO_TWEET: Final = ""
"""What no tweet is called. A gateway that accepts the key refuses it as malformed: nothing is liked or charged."""


def try_key(gateway: AisaSettings, key: str) -> Outcome:
    """Return how a call ends that can not succeed: see `accepts`, else what stands in the key's way."""
    client = AisaClient(gateway.base_url, key_in_body=gateway.key_in_body)
    return client.like(NO_TWEET, key, Deadline.after(PATIENCE_SECONDS))


def accepts(outcome: Outcome) -> bool:
    """Whether it was the tweet, and not the key, that the gateway refused."""
    return outcome.reason in {"invalid_request", "unprocessable"}
