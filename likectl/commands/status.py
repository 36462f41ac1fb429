"""``likectl status``."""

import time
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from likectl import queue, recent
from likectl.accounts import Account, Accounts
from likectl.deployment import Deployment
from likectl.problems import Problem
from likectl.queue import Backlog
from likectl.recent import Line
from likectl.run import Run, table
from likectl.stored import Secret, read_keys
from likectl.wording import count, duration, moment
from likes.payload import DEFAULT_ACCOUNT
from likes.queues import LONGEST_VISIBILITY_SECONDS
from likes.settings import Budget

WATCH_SECONDS: Final = 5.0
HOUR: Final = 3_600.0


def status(
    run: Run,
    watch: Annotated[bool, typer.Option("--watch", help="Show it anew every five seconds, until Ctrl-C.")] = False,
) -> None:
    """Show accounts, limits and the backlog.

    For each account: its hold and the reason, what is used of its window and day, its lane, and its likes of the last
    hour by outcome. SQS counts what waits, and tells the age of the oldest, for the queue of all accounts only, and
    approximately. An account's own is the age of its lane: how long the like has been queued that the worker tried
    last, by its log, and how much longer it waits; those behind it are younger. The accounts are those that have a
    key, wait, or were in the log of the last hour.
    """
    keyed = known_accounts(run.stack)
    if not watch:
        now = _State.read(run.stack, keyed)
        run.answer(now.to_json(), now.shown())
        return
    redraws = run.out.is_terminal and not run.json
    with Live(console=run.out, auto_refresh=False) if redraws else nullcontext() as live:
        while True:
            now = _State.read(run.stack, keyed)
            if live:
                live.update(now.shown(), refresh=True)
            else:
                run.answer(now.to_json(), now.shown())
            time.sleep(WATCH_SECONDS)


def known_accounts(stack: Deployment) -> list[str]:
    """Return the accounts that have a key, as far as the caller may know."""
    try:
        return list(read_keys(Secret(stack.output("AisaSecretArn"), stack.secrets))) or [DEFAULT_ACCOUNT]
    except (Problem, BotoCoreError, ClientError):
        return [DEFAULT_ACCOUNT]


@dataclass(frozen=True)
class _State:
    stack: str
    region: str
    at: float
    worker: str
    backlog: Backlog
    oldest_seconds: float | None
    rejected: int
    budget: Budget
    accounts: list[Account]
    outcomes: Mapping[str, Mapping[str, int]]
    lanes: Mapping[str, Line]

    @classmethod
    def read(cls, stack: Deployment, keyed: list[str]) -> "_State":
        now = time.time()
        worker_logs = stack.resource("WorkerLogs")
        tries = [
            line
            for group in (worker_logs, stack.resource("LikeLogs"))
            for line in recent.lines(stack.logs, group, now - HOUR)
        ]
        waiting = recent.lines(stack.logs, worker_logs, now - LONGEST_VISIBILITY_SECONDS, waiting_at=now)
        lanes = recent.latest_queued([*waiting, *tries])
        outcomes = recent.outcomes(tries)
        accounts = Accounts(stack.output("StateTableName"), stack.dynamodb)
        return cls(
            stack.name,
            stack.region,
            now,
            stack.event_source().get("State", "unknown"),
            queue.backlog(stack.sqs, stack.queue_url),
            _oldest_seconds(stack),
            queue.backlog(stack.sqs, stack.output("RejectedQueueUrl")).total,
            stack.ledger.budget,
            accounts.read([*keyed, *sorted(outcomes.keys() | lanes.keys())], now),
            outcomes,
            lanes,
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "stack": self.stack,
            "region": self.region,
            "at": self.at,
            "worker": self.worker,
            "queue": {
                "waiting": self.backlog.waiting,
                "hidden": self.backlog.hidden,
                "oldest_seconds": self.oldest_seconds,
            },
            "rejected": self.rejected,
            "accounts": [self._account_to_json(account) for account in self.accounts],
        }

    def _account_to_json(self, account: Account) -> dict[str, Any]:
        hold, lane = account.hold, self.lanes.get(account.name)
        return {
            "account": account.name,
            "hold": hold and {"kind": hold.kind, "reason": hold.reason, "until": hold.until},
            "window": {
                "used": account.window_used,
                "limit": self.budget.likes_per_window,
                "ends_at": account.window_ends_at,
            },
            "day": {"used": account.day_used, "limit": self.budget.likes_per_day, "ends_at": account.day_ends_at},
            "lane": lane
            and {
                "age_seconds": lane.queued_seconds(self.at),
                "tried_at": lane.at,
                "retry_at": lane.retry_at,
            },
            "last_hour": dict(self.outcomes.get(account.name, {})),
        }

    def shown(self) -> RenderableType:
        age = "" if self.oldest_seconds is None else f", the oldest for {duration(self.oldest_seconds)}"
        style = "" if self.worker == "Enabled" else "yellow"
        return Group(
            Text(f"{self.stack} in {self.region} at {moment(self.at)}"),
            Text(f"Worker: {self.worker.lower()}{_HINTS.get(self.worker, '')}", style),
            Text(
                f"Queue, all accounts: {self.backlog.waiting:,} waiting, {self.backlog.hidden:,} in work or hidden{age}"
            ),
            Text(f"Rejected: {count(self.rejected, 'message')}{', see likectl failures' if self.rejected else ''}"),
            Text(),
            table(
                *("Account", "Hold", "Window", "Day", "Lane", "Last hour"),
                rows=[self._row(account) for account in self.accounts],
            ),
        )

    def _row(self, account: Account) -> tuple[str, ...]:
        hold = account.hold
        outcomes = self.outcomes.get(account.name, {})
        return (
            account.name,
            f"{hold.reason}, {duration(hold.until - self.at)} more" if hold else "none",
            f"{account.window_used}/{self.budget.likes_per_window}",
            f"{account.day_used:,}/{self.budget.likes_per_day:,}",
            self._lane(account.name),
            ", ".join(f"{times} {outcome}" for outcome, times in sorted(outcomes.items())) or "nothing",
        )

    def _lane(self, account: str) -> str:
        lane = self.lanes.get(account)
        if lane is None:
            return "not tried"
        age = f"{duration(lane.queued_seconds(self.at))} old"
        if lane.retry_at is None:
            return age
        return f"{age}, waits {duration(lane.retry_at - self.at)} more" if lane.retry_at > self.at else f"{age}, due"


_HINTS: Final = {"Disabled": ": paused, see likectl resume"}


def _oldest_seconds(stack: Deployment) -> float | None:
    """Return the age of the queue's oldest message, as CloudWatch had it in the last minutes."""
    now = datetime.now(UTC)
    answer = stack.cloudwatch.get_metric_statistics(
        Namespace="AWS/SQS",
        MetricName="ApproximateAgeOfOldestMessage",
        Dimensions=[{"Name": "QueueName", "Value": stack.queue_url.rpartition("/")[2]}],
        StartTime=now - timedelta(minutes=10),
        EndTime=now,
        Period=60,
        Statistics=["Maximum"],
    )
    points = sorted(answer["Datapoints"], key=lambda point: point["Timestamp"])
    return points[-1]["Maximum"] if points else None
