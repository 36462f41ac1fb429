"""What is known of each like and each account, in one DynamoDB table: never twice, never too many.

Two kinds of item, told apart by their key:

- ``like#ACCOUNT#TWEET``: where one like stands, with its attempts and times;
- ``account#ACCOUNT``: what is used of its window and its day, and its hold.

Times are Unix milliseconds, ``expires_at`` (the table's TTL) is Unix seconds. Each write raises an item's ``revision``.
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from likes.dynamodb import DynamoDB, DynamoDBError, plain, typed
from likes.outcomes import Kind, Outcome
from likes.payload import LikeRequest
from likes.settings import Budget

PATIENCE_SECONDS: Final = 0.9  # the longest that anybody waits for the ledger
SKIP_SECONDS: Final = 5.0  # after a failure, how long nobody asks it
WINDOW_SLACK_SECONDS: Final = 20.0  # X's window opens when the call arrives, ours a little earlier
DAY_SECONDS: Final = 86_400.0
CRASHES: Final = 5
MOST_UNRECORDED: Final = 10_000

Item = dict[str, Any]

_PASSING_CANCELLATIONS: Final = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})
_UNSEEN: Final[Item] = {"unseen": True}  # nothing is known yet, and the usual case is hoped for


class LedgerUnavailable(Exception):
    """DynamoDB is out of reach, throttles or refuses. The message is a stable code, e.g. ``ConnectTimeoutError``."""


class Status(StrEnum):
    """Where a like stands."""

    LIKING = "liking"  # a call is being made, or was when its process died
    LIKED = "liked"
    WAITING = "waiting"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Hold:
    """Why nobody calls for an account, until `until` (Unix seconds), and how long it was set for (seconds)."""

    kind: Kind
    reason: str
    until: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Reservation:
    """The right to make one call for one like.

    Attributes:
        request: the like.
        revision: of the like's item; None when the ledger was out of reach and nothing is recorded.
        attempt: from 1; None when nobody knows.
        failures: earlier attempts that failed in a way that may be the tweet's fault.
        repeated: an earlier attempt crashed after it was reserved and may have called.
        hold: the account's hold that has run out, or that this call is made in spite of.
    """

    request: LikeRequest
    revision: int | None = None
    attempt: int | None = None
    failures: int = 0
    repeated: bool = False
    hold: Hold | None = None


@dataclass(frozen=True, slots=True)
class LikeRecord:
    """What the ledger knows of one like. Times are Unix seconds."""

    request: LikeRequest
    status: Status
    attempts: int
    requested_at: float
    updated_at: float
    reason: str | None = None
    request_id: str | None = None


class Ledger:
    """Reserves likes before their calls and settles them after.

    Parameters:
        table: name of the DynamoDB table.
        client: who talks to DynamoDB.
        budget: the limits to keep.
        clock: Unix seconds.
    """

    def __init__(self, table: str, client: DynamoDB, budget: Budget, *, clock: Callable[[], float] = time.time) -> None:
        self._table = table
        self._client = client
        self._budget = budget
        self._clock = clock
        self._skip_until = 0.0
        # What was done while DynamoDB was away, to be written when it is back.
        self._unrecorded_likes: set[LikeRequest] = set()
        self._unrecorded_units: Counter[str] = Counter()

    def reserve(self, request: LikeRequest, *, seconds: float, despite: str | None = None) -> Reservation | Outcome:
        """Take the like and a unit of the account's budget in one transaction, or say what stands in the way.

        The first try supposes the usual: a new like, a window that is running and not spent. When that is not so,
        DynamoDB answers with what it holds instead, and the next try is built upon that.

        Parameters:
            request: the like.
            seconds: how long the caller will take at most; later, the like counts as abandoned.
            despite: the reason of a hold that shall not stand in the way.

        Returns:
            the reservation; or the outcome *already liked*, *in progress*, *limited* or *blocked*, or *rejected* as
            ``crashed`` for a like whose process died under it five times.

        Raises:
            LedgerUnavailable: go ahead without it.
        """
        if request in self._unrecorded_likes:
            return Outcome(Kind.ALREADY_LIKED, "already_liked")
        patience = time.monotonic() + PATIENCE_SECONDS
        self._record_what_was_not(patience)
        like, account = _UNSEEN, _UNSEEN
        while True:
            now = self._clock()
            obstacle = self._obstacle(like, account, now, despite)
            if obstacle:
                if obstacle.kind is Kind.REJECTED:
                    self._transact([self._end(Reservation(request, like["revision"]), obstacle, now)])
                return obstacle
            reservation, like_item = self._next_like(request, like, now, seconds)
            writes = [_put(self._table, like_item, like), self._take_unit(request.account, account, now)]
            canceled = self._transact(writes)
            if canceled is None:
                return replace(reservation, hold=_hold(account))
            if time.monotonic() > patience:
                return Outcome(Kind.IN_PROGRESS, "ledger_busy", "Others use the account right now.", retry_at=now + 1)
            like, account = _seen(canceled[0], like), _seen(canceled[1], account)

    def settle(self, reservation: Reservation, outcome: Outcome) -> None:
        """Record how a reserved like ended, and set or clear the account's hold, in one write.

        A like that can not be recorded now is kept in mind, and recorded before the next one is reserved.

        Raises:
            LedgerUnavailable: it could not be recorded now.
        """
        request = reservation.request
        if reservation.revision is None:
            self._unrecorded_units[request.account] += outcome.was_called
            self._keep_in_mind(request, outcome)
            return
        now = self._clock()
        writes = [self._end(reservation, outcome, now)]
        hold = _hold_for(outcome, now)
        if hold or (reservation.hold and outcome.kind is Kind.LIKED):
            writes.append(self._set_hold(request.account, hold))
        patience = time.monotonic() + PATIENCE_SECONDS
        try:
            while canceled := self._transact(writes):
                # A failed condition means that somebody took the like for abandoned, and has settled it since.
                if canceled[0]["Code"] == "ConditionalCheckFailed" or time.monotonic() > patience:
                    return
        except LedgerUnavailable:
            self._keep_in_mind(request, outcome)
            raise

    def reject(self, request: LikeRequest, reason: str) -> None:
        """Record that nobody will try a waiting like again, and why.

        Raises:
            LedgerUnavailable: it could not be recorded.
        """
        write = _update(
            self._table,
            _like_key(request),
            "SET #status = :rejected, #reason = :reason, updated_at = :now ADD revision :one",
            "#status = :waiting",
            names=("status", "reason"),
            rejected=Status.REJECTED,
            waiting=Status.WAITING,
            reason=reason,
            now=_millis(self._clock()),
            one=1,
        )
        self._transact([write])

    def find(self, request: LikeRequest) -> LikeRecord | None:
        """Return what is known of a like, or None.

        Raises:
            LedgerUnavailable: nothing can be known now.
        """
        answer = self._call(
            "GetItem",
            TableName=self._table,
            Key={"pk": {"S": _like_key(request)}},
            ConsistentRead=True,
        )
        if "Item" not in answer:
            return None
        item = plain(answer["Item"])
        return LikeRecord(
            request,
            Status(item["status"]),
            item["attempts"],
            requested_at=_seconds(item["requested_at"]),
            updated_at=_seconds(item["updated_at"]),
            reason=item.get("reason"),
            request_id=item.get("request_id"),
        )

    def _keep_in_mind(self, request: LikeRequest, outcome: Outcome) -> None:
        if outcome.kind is Kind.LIKED and len(self._unrecorded_likes) < MOST_UNRECORDED:
            self._unrecorded_likes.add(request)

    def _record_what_was_not(self, patience: float) -> None:
        """Write what was done while DynamoDB was away, as far as patience goes.

        Raises:
            LedgerUnavailable: it is away still.
        """
        now = self._clock()
        while self._unrecorded_likes and time.monotonic() < patience:
            request = next(iter(self._unrecorded_likes))
            _, item = self._next_like(request, {}, now, 0)
            item |= {"status": Status.LIKED, "reason": "liked"}
            self._call("PutItem", TableName=self._table, Item=typed(item))
            self._unrecorded_likes.discard(request)
        while self._unrecorded_units and time.monotonic() < patience:
            account, units = next(iter(self._unrecorded_units.items()))
            expression = "SET expires_at = :expires_at ADD window_used :units, day_used :units, revision :one"
            self._call(
                "UpdateItem",
                **_update(
                    self._table,
                    _account_key(account),
                    expression,
                    units=units,
                    one=1,
                    expires_at=self._expires_at(now),
                )["Update"],
            )
            del self._unrecorded_units[account]

    def _obstacle(self, like: Item, account: Item, now: float, despite: str | None) -> Outcome | None:
        match like.get("status"):
            case Status.LIKED:
                return Outcome(Kind.ALREADY_LIKED, "already_liked", attempt=like["attempts"])
            case Status.LIKING if now < _seconds(like["stale_at"]):
                retry_at = min(now + 5, _seconds(like["stale_at"]))
                return Outcome(Kind.IN_PROGRESS, "in_progress", "This like is being made right now.", retry_at=retry_at)
            case Status.LIKING if like["crashes"] + 1 >= CRASHES:
                return Outcome(Kind.REJECTED, "crashed", "The process died each time it made this like.")
        hold = _hold(account)
        if hold and now < hold.until and hold.reason != despite:
            return Outcome(hold.kind, hold.reason, "The account is on hold.", retry_at=hold.until)
        budget = self._budget
        for span, limit in (("day", budget.likes_per_day), ("window", budget.likes_per_window)):
            if self._is_running(account, span, now) and account[f"{span}_used"] >= limit:
                detail = f"The account's {limit} likes of this {span} are used."
                return Outcome(Kind.LIMITED, f"{span}_spent", detail, retry_at=_seconds(account[f"{span}_ends_at"]))
        return None

    def _next_like(self, request: LikeRequest, seen: Item, now: float, seconds: float) -> tuple[Reservation, Item]:
        repeated = seen.get("status") == Status.LIKING
        asked_anew = seen.get("status") == Status.REJECTED
        reservation = Reservation(
            request,
            revision=seen.get("revision", 0) + 1,
            attempt=seen.get("attempts", 0) + 1,
            failures=0 if asked_anew else seen.get("failures", 0),
            repeated=repeated,
        )
        return reservation, {
            "pk": _like_key(request),
            "account": request.account,
            "tweet_id": request.tweet_id,
            "status": Status.LIKING,
            "attempts": reservation.attempt,
            "failures": reservation.failures,
            "crashes": 0 if asked_anew else seen.get("crashes", 0) + repeated,
            "requested_at": seen.get("requested_at", _millis(now)),
            "updated_at": _millis(now),
            "stale_at": _millis(now + seconds),
            "revision": reservation.revision,
            "expires_at": self._expires_at(now),
        }

    def _take_unit(self, account: str, seen: Item, now: float) -> Item:
        """Return the write that takes one like from the account's budget, on condition that nothing has changed."""
        is_running = {span: self._is_running(seen, span, now) for span in ("window", "day")}
        if seen is _UNSEEN or (all(is_running.values()) and not _hold(seen)):
            return _update(
                self._table,
                _account_key(account),
                "SET expires_at = :expires_at ADD window_used :one, day_used :one, revision :one",
                "window_ends_at > :now AND day_ends_at > :now AND attribute_not_exists(hold_until)"
                " AND window_used < :window AND day_used < :day",
                now=_millis(now),
                one=1,
                window=self._budget.likes_per_window,
                day=self._budget.likes_per_day,
                expires_at=self._expires_at(now),
            )
        lengths = {"window": self._budget.window_seconds, "day": DAY_SECONDS}
        item = {**seen, "pk": _account_key(account), "account": account, "expires_at": self._expires_at(now)}
        for span, length in lengths.items():
            item[f"{span}_used"] = (seen[f"{span}_used"] if is_running[span] else 0) + 1
            if not is_running[span]:
                item[f"{span}_ends_at"] = _millis(now + length + WINDOW_SLACK_SECONDS)
        item["revision"] = seen.get("revision", 0) + 1
        return _put(self._table, item, seen)

    def _is_running(self, account: Item, span: str, now: float) -> bool:
        """Whether a window or day still counts. After X has answered 429, a window opens when X's does."""
        ends_at = _seconds(account.get(f"{span}_ends_at", 0))
        hold = _hold(account)
        if span == "window" and hold and hold.reason == "rate_limited" and hold.until <= now:
            return ends_at >= hold.until + self._budget.window_seconds
        return now < ends_at

    def _end(self, reservation: Reservation, outcome: Outcome, now: float) -> Item:
        status = {Kind.LIKED: Status.LIKED, Kind.REJECTED: Status.REJECTED}.get(outcome.kind, Status.WAITING)
        # A like that was made stays made, whoever else had taken it for abandoned.
        condition = "attribute_exists(pk)" if status is Status.LIKED else "revision = :mine"
        sets = {
            "status": status,
            "reason": outcome.reason,
            "failures": outcome.failures,
            "updated_at": _millis(now),
            "expires_at": self._expires_at(now),
        } | ({"request_id": outcome.request_id} if outcome.request_id else {})
        assignments = ", ".join(f"#{name} = :{name}" for name in sets)
        mine = {} if status is Status.LIKED else {"mine": reservation.revision}
        return _update(
            self._table,
            _like_key(reservation.request),
            f"SET {assignments} ADD revision :one",
            condition,
            names=sets,
            one=1,
            **sets,
            **mine,
        )

    def _set_hold(self, account: str, hold: Hold | None) -> Item:
        if hold is None:
            expression = "REMOVE hold_until, hold_seconds, hold_kind, hold_reason ADD revision :one"
            return _update(self._table, _account_key(account), expression, one=1)
        return _update(
            self._table,
            _account_key(account),
            "SET hold_until = :until, hold_seconds = :seconds, hold_kind = :kind, hold_reason = :reason,"
            " expires_at = :expires_at ADD revision :one",
            until=_millis(hold.until),
            seconds=_millis(hold.seconds),
            kind=hold.kind,
            reason=hold.reason,
            expires_at=self._expires_at(hold.until),
            one=1,
        )

    def _expires_at(self, now: float) -> int:
        return int(now + self._budget.remember_days * DAY_SECONDS)

    def _transact(self, writes: list[Item]) -> Sequence[Mapping[str, Any]] | None:
        """Write all or nothing. Return None, or what stopped each write.

        Raises:
            LedgerUnavailable: DynamoDB does not answer, or says no for a reason that is not in the items.
        """
        try:
            self._call("TransactWriteItems", TransactItems=writes)
        except DynamoDBError as error:
            reasons: Sequence[Mapping[str, Any]] = error.answer["CancellationReasons"]
            codes = {reason["Code"] for reason in reasons} - {"None"}
            if codes & _PASSING_CANCELLATIONS:
                time.sleep(random.uniform(0.005, 0.05))  # noqa: S311 - jitter, not a secret
            elif codes != {"ConditionalCheckFailed"}:
                raise LedgerUnavailable("/".join(sorted(codes))) from None
            return reasons
        return None

    def _call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """Return DynamoDB's answer; of its errors, let only a canceled transaction's through."""
        if self._clock() < self._skip_until:
            raise LedgerUnavailable("skipped")
        try:
            return self._client.call(operation, **parameters)
        except DynamoDBError as error:
            if error.code == "TransactionCanceledException":
                raise
            self._skip_until = self._clock() + SKIP_SECONDS
            raise LedgerUnavailable(error.code) from None


def _hold_for(outcome: Outcome, now: float) -> Hold | None:
    """Return the hold that an outcome puts on its account."""
    if outcome.kind in {Kind.LIMITED, Kind.BLOCKED} and outcome.retry_at:
        return Hold(outcome.kind, outcome.reason, outcome.retry_at, outcome.retry_at - now)
    if outcome.pause_until:
        return Hold(Kind.LIMITED, "nearly_limited", outcome.pause_until, outcome.pause_until - now)
    return None


def _hold(account: Item) -> Hold | None:
    if "hold_until" not in account:
        return None
    return Hold(
        Kind(account["hold_kind"]),
        account["hold_reason"],
        _seconds(account["hold_until"]),
        _seconds(account["hold_seconds"]),
    )


def _put(table: str, item: Item, seen: Item) -> Item:
    """Return the write that puts `item` where `seen` was."""
    is_new = "revision" not in seen
    condition = "attribute_not_exists(pk)" if is_new else "revision = :revision"
    values = {} if is_new else {"ExpressionAttributeValues": typed({":revision": seen["revision"]})}
    return {
        "Put": {
            "TableName": table,
            "Item": typed(item),
            "ConditionExpression": condition,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            **values,
        }
    }


def _update(
    table: str,
    key: str,
    expression: str,
    condition: str = "",
    *,
    names: Iterable[str] = (),
    **values: Any,
) -> Item:
    return {
        "Update": {
            "TableName": table,
            "Key": {"pk": {"S": key}},
            "UpdateExpression": expression,
            "ExpressionAttributeValues": typed({f":{name}": value for name, value in values.items()}),
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        | ({"ConditionExpression": condition} if condition else {})
        | ({"ExpressionAttributeNames": {f"#{name}": name for name in names}} if names else {})
    }


def _seen(reason: Mapping[str, Any], before: Item) -> Item:
    """Return what is known of an item after a try: what DynamoDB showed, or as before where it did not object."""
    if reason["Code"] != "ConditionalCheckFailed":
        return before
    return plain(reason.get("Item", {}))


def _like_key(request: LikeRequest) -> str:
    return f"like#{request.account}#{request.tweet_id}"


def _account_key(account: str) -> str:
    return f"account#{account}"


def _millis(seconds: float) -> int:
    return round(seconds * 1000)


def _seconds(millis: int) -> float:
    return millis / 1000
