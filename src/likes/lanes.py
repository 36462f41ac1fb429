"""How the worker walks a lane: the messages of one account, of which one is liked at a time.

A lane that must wait is hidden whole, with one visibility: SQS then hands out nothing behind its head.
"""

import math
import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from likes.liking import LIKE_SECONDS, Liker
from likes.observability import logger, report, report_queue_failure
from likes.outcomes import Kind, Outcome
from likes.payload import InvalidPayload, LikeRequest, read_message
from likes.queues import LONGEST_VISIBILITY_SECONDS, LikeQueue, Message, QueueUnavailable, RejectedQueue

TRIGGER: Final = "sqs"
SUSPICIOUS_FAILURES: Final = 3
# A message that waits for its turn has failed at nothing. It is only saved from the end of the queue's 13.5 days.
LAST_HOURS: Final = 13 * 24.0

_REJECT_RETRY_SECONDS: Final = 60.0
_DEFECT_RETRY_SECONDS: Final = 300.0


@dataclass(frozen=True, slots=True)
class _Tried:
    """A message, the request in it if it holds one, and how the try ended."""

    message: Message
    request: LikeRequest | None
    outcome: Outcome


class LaneWorker:
    """Works off lanes.

    Parameters:
        liker: makes the likes.
        queue: where the messages came from, and wait.
        rejected: where those go that can never be liked.
        give_up_after_hours: age at which a message that keeps failing is rejected.
        clock: Unix seconds.
    """

    def __init__(
        self,
        liker: Liker,
        queue: LikeQueue,
        rejected: RejectedQueue,
        *,
        give_up_after_hours: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._liker = liker
        self._queue = queue
        self._rejected = rejected
        self._give_up_after_hours = give_up_after_hours
        self._clock = clock

    def work(self, lane: Sequence[Message], seconds_left: Callable[[], float]) -> Sequence[Message]:
        """Like one message after the other; return those that stay in the queue, hidden until they may be tried.

        Parameters:
            lane: messages of one group, or of a standard queue, in order.
            seconds_left: says how long the function may still run.
        """
        ahead = deque(lane)
        while ahead:
            if seconds_left() < LIKE_SECONDS:
                return self._hide(ahead, 0)
            head = self._try(ahead.popleft(), seconds_left)
            if _is_suspect(head.outcome) and self._finds_witness(ahead, head, seconds_left):
                head = self._blame(self._try(head.message, seconds_left))
            retry_at = self._end(head)
            if retry_at is not None:
                return self._hide([head.message, *ahead], max(1, math.ceil(retry_at - self._clock())))
        return []

    def _try(self, message: Message, seconds_left: Callable[[], float], *, despite: str | None = None) -> _Tried:
        request = None
        try:
            request = read_message(message.body)
            outcome = self._liker.like(request, seconds_left() - 1, despite=despite, receives=message.receives)
        except InvalidPayload as error:
            outcome = Outcome(Kind.REJECTED, error.code, error.detail)
        except Exception:  # noqa: BLE001 - a defect in one like must not take the batch's other lanes down with it
            logger.exception("internal_error")
            retry_at = self._clock() + _DEFECT_RETRY_SECONDS
            outcome = Outcome(Kind.UNAVAILABLE, "internal_error", "A defect in the function.", retry_at=retry_at)
        return self._report(_Tried(message, request, outcome))

    def _finds_witness(self, ahead: deque[Message], suspect: _Tried, seconds_left: Callable[[], float]) -> bool:
        """Whether the suspect's neighbour is liked where the suspect was not.

        A neighbour that ends without a like of its account is no witness, and the next one is asked. One that has to
        wait, too, acquits the suspect: the fault is not the tweet's.
        """
        while ahead and seconds_left() > 2 * LIKE_SECONDS:
            neighbour = self._try(ahead.popleft(), seconds_left, despite=suspect.outcome.reason)
            if self._end(neighbour) is not None:
                ahead.appendleft(neighbour.message)
                return False
            if neighbour.outcome.kind is Kind.LIKED and _account(neighbour) == _account(suspect):
                return True
        return False

    def _blame(self, tried: _Tried) -> _Tried:
        """Reject the suspect if it failed once more, right after its neighbour was liked."""
        if not tried.outcome.may_be_the_tweets_fault:
            return tried
        return self._reject(tried, tried.outcome.reason, tried.outcome.detail)

    def _end(self, tried: _Tried) -> float | None:
        """Bring a tried message to its end and return None, or return when to try it again, Unix seconds."""
        if self._is_too_old(tried):
            tried = self._reject(tried, "gave_up", f"Too old. The last failure was {tried.outcome.reason}.")
        outcome = tried.outcome
        if outcome.kind is Kind.REJECTED:
            try:
                self._rejected.send(tried.message, tried.request, outcome)
            except QueueUnavailable as error:
                report_queue_failure("reject_failed", str(error), [tried.message.id])
                return self._clock() + _REJECT_RETRY_SECONDS
        return None if outcome.kind.is_final else outcome.retry_at

    def _is_too_old(self, tried: _Tried) -> bool:
        outcome, age = tried.outcome, self._clock() - tried.message.sent_at
        match outcome.kind:
            case Kind.BLOCKED | Kind.UNAVAILABLE:
                return age > self._give_up_after_hours * 3600
            case Kind.LIMITED:
                return (outcome.retry_at or 0) - tried.message.sent_at > LAST_HOURS * 3600
        return False

    def _reject(self, tried: _Tried, reason: str, detail: str) -> _Tried:
        """Turn a like that would wait into one that is rejected."""
        if tried.request:
            self._liker.reject(tried.request, reason)
        outcome = replace(
            tried.outcome, kind=Kind.REJECTED, reason=reason, detail=detail, retry_at=None, upstream_ms=None
        )
        return self._report(replace(tried, outcome=outcome))

    def _report(self, tried: _Tried) -> _Tried:
        logger.set_correlation_id(tried.message.id)
        age_ms = round((self._clock() - tried.message.sent_at) * 1000)
        report(TRIGGER, tried.request, tried.outcome, queue_age_ms=age_ms)
        return tried

    def _hide(self, messages: Sequence[Message], seconds: int) -> Sequence[Message]:
        """Hide messages for the same time, or in a standard queue, which has no lanes, for about the same time."""
        waits = [
            (message, seconds if message.lane else math.ceil(seconds * random.uniform(1, 1.25)))  # noqa: S311 - jitter
            for message in messages
        ]
        waits = [(message, min(wait, LONGEST_VISIBILITY_SECONDS)) for message, wait in waits]
        refused = self._queue.hide(waits)
        if refused:
            refused = self._queue.hide([wait for wait in waits if wait[0].id in refused])
        if refused:
            report_queue_failure("hide_failed", "/".join(sorted(set(refused.values()))), list(refused))
        return messages


def _is_suspect(outcome: Outcome) -> bool:
    return outcome.may_be_the_tweets_fault and outcome.failures >= SUSPICIOUS_FAILURES


def _account(tried: _Tried) -> str | None:
    return tried.request.account if tried.request else None
