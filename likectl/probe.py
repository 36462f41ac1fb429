"""Whether the gateway accepts a key, without a like and without its price."""

from dataclasses import replace
from typing import Final

from likes.aisa import AisaClient, Deadline
from likes.outcomes import Kind, Outcome
from likes.settings import AisaSettings

PATIENCE_SECONDS: Final = 20.0
NO_TWEET: Final = ""
"""What no tweet is called: the gateway wants 1 to 19 digits, and charges for successful calls only."""

NO_KEY: Final = "sk-likectl-asks-whether-keys-are-looked-at"


def try_key(gateway: AisaSettings, key: str) -> Outcome:
    """Return how a call ends that can not succeed: see `accepts`, else what stands in the key's way.

    That the tweet is refused shows that the key is not, provided that a wrong key meets another answer. The vendor
    does not say what its gateway looks at first, so that is tried, too.
    """
    client, deadline = AisaClient(gateway.base_url, key_in_body=gateway.key_in_body), Deadline.after(PATIENCE_SECONDS)
    outcome = client.like(NO_TWEET, key, deadline)
    if not accepts(outcome) or not accepts(client.like(NO_TWEET, NO_KEY, deadline)):
        return outcome
    detail = "The gateway gives a wrong key the same answer."
    return replace(outcome, kind=Kind.UNAVAILABLE, reason="unexpected_answer", detail=detail)


def accepts(outcome: Outcome) -> bool:
    """Whether it was the tweet, and not the key, that the gateway refused."""
    return outcome.kind is Kind.REJECTED
