"""One like: reserve it, make the call, settle it."""

import random
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from likes.aisa import AisaClient, Deadline
from likes.keys import Keys, NoKey
from likes.ledger import Ledger, LedgerUnavailable, Reservation
from likes.observability import count_ledger_unavailable
from likes.outcomes import Kind, Outcome
from likes.payload import LikeRequest

LIKE_SECONDS: Final = 25.0  # the longest that one like may take, calls and ledger together
SETTLE_SECONDS: Final = 1.5  # kept back from the calls, to settle and to answer

_BLOCKED_SECONDS: Final = (60.0, 3_600.0)
_UNAVAILABLE_SECONDS: Final = (2.0, 900.0)


class Liker:
    """Makes likes, each at most once, within the account's limits.

    Parameters:
        keys: where the accounts' keys are.
        client: who calls the gateway.
        ledger: who remembers.
        clock: Unix seconds.
    """

    def __init__(
        self, keys: Keys, client: AisaClient, ledger: Ledger, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._keys = keys
        self._client = client
        self._ledger = ledger
        self._clock = clock

    def like(self, request: LikeRequest, seconds: float, *, despite: str | None = None, receives: int = 1) -> Outcome:
        """Like the tweet, or say why not and when to try again.

        Parameters:
            request: the tweet and the account.
            seconds: how long it may take; `LIKE_SECONDS` at most are used.
            despite: the reason of a hold on the account that shall not stop this one call.
            receives: how often the request has been tried, for the waits when the ledger can not say.
        """
        seconds = min(seconds, LIKE_SECONDS)
        deadline = Deadline.after(seconds - SETTLE_SECONDS)
        try:
            reservation = self._ledger.reserve(request, seconds=seconds, despite=despite)
        except LedgerUnavailable as error:
            count_ledger_unavailable(request, str(error))
            reservation = Reservation(request, failures=receives - 1)
        if isinstance(reservation, Outcome):
            return reservation
        outcome = self._judge(reservation, self._call(request, deadline))
        try:
            self._ledger.settle(reservation, outcome)
        except LedgerUnavailable as error:
            count_ledger_unavailable(request, str(error))
        return outcome

    def reject(self, request: LikeRequest, reason: str) -> None:
        """Remember that a like that waited will not be tried again, and why."""
        try:
            self._ledger.reject(request, reason)
        except LedgerUnavailable as error:
            count_ledger_unavailable(request, str(error))

    def _call(self, request: LikeRequest, deadline: Deadline) -> Outcome:
        try:
            key = self._keys.key(request.account)
            outcome = self._client.like(request.tweet_id, key, deadline)
            if outcome.status == 401:
                newer = self._keys.key(request.account, fresh=True)
                if newer != key:
                    outcome = self._client.like(request.tweet_id, newer, deadline)
        except NoKey as error:
            outcome = error.outcome
        return outcome

    def _judge(self, reservation: Reservation, outcome: Outcome) -> Outcome:
        """Add what the ledger knows, and when to try again."""
        failures = reservation.failures + outcome.may_be_the_tweets_fault
        outcome = replace(outcome, attempt=reservation.attempt, failures=failures, repeated=reservation.repeated)
        if outcome.kind is Kind.BLOCKED:
            shortest, longest = _BLOCKED_SECONDS
            was_blocked = reservation.hold and reservation.hold.kind is Kind.BLOCKED
            seconds = 2 * reservation.hold.seconds if reservation.hold and was_blocked else shortest
            return replace(outcome, retry_at=self._clock() + min(seconds, longest))
        if outcome.kind is Kind.UNAVAILABLE:
            shortest, longest = _UNAVAILABLE_SECONDS
            seconds = min(shortest * 2.0 ** min(max(failures, 1) - 1, 16), longest)
            return replace(outcome, retry_at=self._clock() + seconds * random.uniform(0.75, 1.25))  # noqa: S311 - jitter
        return outcome
