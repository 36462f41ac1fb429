"""How a request for a like can end."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What an outcome calls for. The reason beside it says why."""

    LIKED = "liked"
    ALREADY_LIKED = "already_liked"
    REJECTED = "rejected"  # never retry: the request is at fault
    LIMITED = "limited"  # wait: the account has used up what X or the gateway allows
    BLOCKED = "blocked"  # wait, and tell the operator: the account or its key is at fault
    UNAVAILABLE = "unavailable"  # wait: the way to X is at fault
    IN_PROGRESS = "in_progress"  # wait a moment: the same like is being made right now

    @property
    def is_final(self) -> bool:
        """Whether nothing is left to do for the request."""
        return self in {Kind.LIKED, Kind.ALREADY_LIKED, Kind.REJECTED}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one request ended, in terms that every trigger understands.

    Attributes:
        kind: what it calls for.
        reason: stable code, e.g. ``tweet_not_found``; ``docs/outcomes.md`` lists them all.
        detail: a sentence for a person. Never holds a key or anything that was sent.
        retry_at: when to try again, Unix seconds; None where the kind is final or nobody knows.
        pause_until: after a like, when the next call for this account may be made, Unix seconds; None means at once.
        status: HTTP status of the last answer from the gateway; None when there was none.
        upstream_ms: time spent in calls to the gateway, milliseconds; None when none was made.
        request_id: the gateway's own id of the last call.
        attempt: which attempt at this like this was, from 1; None when the ledger could not say.
        failures: attempts so far that failed in a way that may be the tweet's fault.
        repeated: an earlier attempt crashed between its call and its settling, and this one made the call again.
    """

    kind: Kind
    reason: str
    detail: str = ""
    retry_at: float | None = None
    pause_until: float | None = None
    status: int | None = None
    upstream_ms: float | None = None
    request_id: str | None = None
    attempt: int | None = None
    failures: int = 0
    repeated: bool = False

    @property
    def was_called(self) -> bool:
        """Whether the gateway was called for it."""
        return self.upstream_ms is not None

    @property
    def may_be_the_tweets_fault(self) -> bool:
        """Whether the cause of the wait may be this one tweet, rather than the account or the way to X."""
        return self.was_called and (self.kind is Kind.UNAVAILABLE or self.reason == "forbidden")


LIKED = Outcome(Kind.LIKED, "liked")
