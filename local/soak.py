"""``make soak``: thousands of requests, faults of every kind, a clock that is moved; and every promise, kept or not.

The worker is a process of its own, so that it can be killed for real. It gets its events from a poller that does what
Lambda's does, and calls servers on loopback. A baseline gets the same load: a standard queue, Powertools'
``BatchProcessor``, ``raise_for_status`` and a redrive after five receives, as the documentation has it.
"""

import json
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import batched
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import requests
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from rich.console import Console
from rich.table import Table

from local.aisa import DAY_SECONDS, AisaSimulator, Call
from local.aws import AwsServer
from local.emulator import client, emulator
from local.faults import Fault
from local.poller import poll
from local.sqs import Queue, QueueServer

LIKES_PER_WINDOW: Final = 50
WINDOW_SECONDS: Final = 900.0
LIKES_PER_DAY: Final = 1_000
SLOWEST_DRAIN: Final = 1.1  # times what the limits allow
VISIBILITY_SECONDS: Final = 360  # LikeQueue's: so long what a killed worker had received stays hidden
CALL_SECONDS: Final = 0.3  # of the moved clock
READ_SECONDS: Final = 0.5  # of real time: how long the client waits for an answer
BASELINE_READ_SECONDS: Final = 0.2  # it makes five times the calls, and time-outs are most of its time
ACCOUNTS: Final = ("default", "brand-a", "brand-b")
START: Final = 1_700_000_000.0
SECRET: Final = "the-soaks-keys"  # noqa: S105 - its name

FAULTS: Final = (
    Fault.answer(500, ""),
    Fault.answer(504, "<html>"),
    Fault.answer(200, "<html>"),
    Fault.lost(),
    Fault.lost(midway=True),
    Fault.nonsense(),
    Fault.silence(2 * READ_SECONDS),
)

_spawn = multiprocessing.get_context("spawn")


@dataclass(frozen=True)
class Spell:
    """A stretch of time, seconds from the start, in which something is wrong."""

    begin: float
    end: float

    def covers(self, seconds: float) -> bool:
        return self.begin <= seconds < self.end


OUTAGE: Final = Spell(2_000, 2_600)
REVOKED: Final = Spell(5_000, 6_800)
UNPAID: Final = Spell(9_000, 10_800)
NO_LEDGER: Final = Spell(12_000, 12_600)
BAD_QUEUE: Final = Spell(14_000, 16_000)


@dataclass(frozen=True)
class Wish:
    """One request as it is sent, and what must become of it."""

    body: str
    group: str
    account: str | None = None  # None for poison, which names nothing that can be liked
    tweet_id: str | None = None


class SharedClock:
    """A clock that two processes read and one moves. Unix seconds."""

    def __init__(self) -> None:
        self.value = _spawn.Value("d", START)

    def __call__(self) -> float:
        return float(self.value.value)

    @property
    def elapsed(self) -> float:
        return self() - START

    def advance(self, seconds: float) -> None:
        with self.value.get_lock():
            self.value.value += seconds

    def advance_to(self, moment: float) -> None:
        self.advance(max(0.0, moment - self()))


@dataclass
class Result:
    """What became of a load.

    Attributes:
        lost: requests that ended neither liked nor rejected with a reason.
        rejected: reason to count.
        paid_twice: likes paid for more than once.
        killed: those of them in whose making a kill fell.
        unknown: those of them that were asked for again while the ledger was away, and so nobody knew.
        unexcused: paid more often than these explain.
        refused: how often X answered 429.
        most_refused: the most often for one account in one window.
        dead_lettered: messages that a receive count sent away.
        seconds: until the queue was empty, moved time.
        allowed: the shortest time in which the limits allow it.
        kills: how often the worker was killed.
        most_kills: the most often while it had one account's messages.
    """

    requests: int = 0
    liked: int = 0
    lost: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    paid_twice: int = 0
    killed: int = 0
    unknown: int = 0
    unexcused: int = 0
    refused: int = 0
    steady_refused: int = 0
    most_refused: int = 0
    dead_lettered: int = 0
    seconds: float = 0.0
    allowed: float = 0.0
    kills: int = 0
    most_kills: int = 0

    def broken_promises(self) -> list[str]:
        """Say which promises this result breaks."""
        promises = {
            "every request ends as liked, or rejected with its reason": self.lost == 0,
            "nothing is paid for twice but where a kill fell between call and settling, or the ledger was away": (
                self.unexcused == 0
            ),
            "at most one 429 per account and window": self.most_refused <= 1,
            "no 429 in steady state": self.steady_refused == 0,
            "nothing is dead-lettered for having waited": self.dead_lettered == 0,
            f"the backlog drains in {SLOWEST_DRAIN} times what the limits allow": self.seconds
            <= SLOWEST_DRAIN * self.allowed,
        }
        return [promise for promise, kept in promises.items() if not kept]


def make_load(count: int, dice: random.Random) -> tuple[list[Wish], set[str]]:
    """Return `count` requests: a fifth duplicates, 3 % poison, 2 % tweets that do not exist; and which those are."""
    wishes: list[Wish] = []
    good: list[Wish] = []
    missing: set[str] = set()
    for number in range(count):
        kind, account = dice.random(), dice.choice(ACCOUNTS)
        if kind < 0.2 and good:
            twin = dice.choice(good)
            body = json.dumps({"account": twin.account, "tweet_url": f"https://x.com/i/status/{twin.tweet_id}"})
            wishes.append(Wish(body, twin.group, twin.account, twin.tweet_id))
            continue
        if kind < 0.23:
            poison = dice.choice(
                [
                    f"not json {number}",
                    f'{{"tweet_id": {number}}}',
                    f'{{"tweet_id": "{number + 1}", "account": "nobody"}}',
                ]
            )
            wishes.append(Wish(poison, account))
            continue
        tweet_id = str(10**18 + number)
        if kind < 0.25:
            missing.add(tweet_id)
        wish = Wish(json.dumps({"tweet_id": tweet_id, "account": account}), account, account, tweet_id)
        wishes.append(wish)
        good.append(wish)
    return wishes, missing


def shortest_drain(wishes: list[Wish]) -> float:
    """Return the seconds in which X's limits allow the busiest account's calls."""
    calls = Counter(account for account, _ in {(wish.account, wish.tweet_id) for wish in wishes if wish.account})
    days, rest = divmod(max(calls.values()) - 1, LIKES_PER_DAY)
    return days * DAY_SECONDS + (rest // LIKES_PER_WINDOW) * WINDOW_SECONDS + (rest % LIKES_PER_WINDOW) * CALL_SECONDS


class Soak:
    """A load, the servers, and the faults."""

    def __init__(self, count: int, kills: int, seed: int, stack: ExitStack) -> None:
        self.dice = random.Random(seed)  # noqa: S311 - chance that can be repeated, not a secret
        self.clock = SharedClock()
        self.wishes, missing = make_load(count, self.dice)
        self.keys = {f"sk-{account}-{self.dice.random()}": account for account in ACCOUNTS}
        self.aisa = stack.enter_context(AisaSimulator(self.keys, clock=self.clock, missing=missing))
        self.aws = stack.enter_context(AwsServer())
        # moto copies all of its tables for each transaction; here they hold thousands of items.
        self.ministack = stack.enter_context(emulator(Path(stack.enter_context(tempfile.TemporaryDirectory()))))
        stack.callback(os.kill, self.ministack.pid, signal.SIGCONT)
        self.dynamodb = client("dynamodb", self.ministack.endpoint)
        self.ledger_is_gone = False
        self.in_mind: set[tuple[str, str]] = set()  # liked by the living worker, and perhaps not recorded yet
        self.sqs = stack.enter_context(QueueServer(self.clock))
        self.aisa.on_call = self._on_call
        self.aisa.after_like = self._after_like
        self.sqs.refuse = self._refuse_sqs
        self.invoking = False
        self.kill: Callable[[], None] = lambda: None
        self.killed_at: Counter[tuple[str, str]] = Counter()
        self.unknown: Counter[tuple[str, str]] = Counter()
        self.kills = 0
        self.kills_by_lane: Counter[str] = Counter()
        self.points = set(self.dice.sample(range(count), kills))
        self.point = 0
        self.environ = {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": self.aws.url,
            "AWS_ENDPOINT_URL_DYNAMODB": self.ministack.endpoint,
            "AWS_ENDPOINT_URL_SQS": self.sqs.url,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AISA_BASE_URL": self.aisa.url,
            "AISA_SECRET_ID": SECRET,
            "STATE_TABLE": "state",
            "POWERTOOLS_SERVICE_NAME": "tweet-likes",
        }
        self.sqs_client = client("sqs", self.sqs.url)
        self.secrets = client("secretsmanager", self.aws.url)
        self._prepare()
        stack.callback(self.secrets.delete_secret, SecretId=SECRET, ForceDeleteWithoutRecovery=True)

    def run(self, invoke: Callable[[dict[str, Any]], dict[str, Any] | None], queue: Queue) -> None:
        """Send everything, then poll until the queue is empty."""
        fifo = queue.name.endswith(".fifo")
        url = f"{self.sqs.url}/000000000000/{queue.name}"
        for wish in self.wishes:
            group = {"MessageGroupId": wish.group} if fifo else {}
            self.sqs_client.send_message(QueueUrl=url, MessageBody=wish.body, **group)
        while (ready_at := queue.next_ready_at) is not None:
            self.clock.advance_to(ready_at)
            self._turn_with_the_time()
            poll(self.sqs_client, url, queue.arn, invoke)

    def result(self, rejected: Queue, *, with_reasons: bool) -> Result:
        """Compare what became of each request with what was promised."""
        reasons = Counter(_attribute(message.attributes, "Reason") for message in rejected.messages)
        ended = {message.body for message in rejected.messages}
        ended_tweets = {
            (_attribute(message.attributes, "Account"), _attribute(message.attributes, "TweetId"))
            for message in rejected.messages
        }
        lost = [
            wish
            for wish in self.wishes
            if (wish.account is None or wish.tweet_id not in self.aisa.likes[wish.account])
            and not (with_reasons and (wish.body in ended or (wish.account, wish.tweet_id) in ended_tweets))
        ]
        twice = {like: paid for like, paid in self.aisa.charges.items() if paid > 1}
        return Result(
            requests=len(self.wishes),
            liked=sum(len(tweets) for tweets in self.aisa.likes.values()),
            lost=len(lost),
            rejected=reasons,
            paid_twice=len(twice),
            killed=sum(like in self.killed_at for like in twice),
            unknown=sum(self.unknown[like] > 0 for like in twice),
            unexcused=sum(paid > 1 + self.killed_at[like] + self.unknown[like] for like, paid in twice.items()),
            refused=self.aisa.over_limit.total(),
            steady_refused=sum(
                count
                for (_, ends_at), count in self.aisa.over_limit.items()
                if not (
                    NO_LEDGER.begin < ends_at - START < NO_LEDGER.end + 2 * WINDOW_SECONDS
                    or DAY_SECONDS <= ends_at - START < DAY_SECONDS + WINDOW_SECONDS  # the day in which it was away
                )
            ),
            most_refused=max(self.aisa.over_limit.values(), default=0),
            dead_lettered=reasons[""],
            seconds=self.clock.elapsed,
            allowed=shortest_drain(self.wishes),
            kills=self.kills,
            most_kills=max(self.kills_by_lane.values(), default=0),
        )

    def _turn_with_the_time(self) -> None:
        """Take the ledger away and give it back; revoke a key, and rotate it when the operator has noticed."""
        gone = NO_LEDGER.covers(self.clock.elapsed)
        if gone != self.ledger_is_gone:
            self._forget_recorded()
            os.kill(self.ministack.pid, signal.SIGSTOP if gone else signal.SIGCONT)
            self.ledger_is_gone = gone
        old = next(key for key, account in self.keys.items() if account == "default")
        if self.clock.elapsed >= REVOKED.begin:
            self.aisa.revoke_key(old)
        if self.clock.elapsed >= REVOKED.end:
            new = f"{old}-new"
            self.aisa.add_key(new, "default")
            keys = {account: key for key, account in self.keys.items()} | {"default": new}
            self.secrets.put_secret_value(SecretId=SECRET, SecretString=json.dumps(keys))

    def _prepare(self) -> None:
        """Make the table and the secret."""
        keys = {account: key for key, account in self.keys.items()}
        self.secrets.create_secret(Name=SECRET, SecretString=json.dumps(keys))
        self.dynamodb.create_table(
            TableName="state",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )

    def _on_call(self, call: Call) -> None:
        self._tick()
        self.clock.advance(CALL_SECONDS)
        elapsed = self.clock.elapsed
        if OUTAGE.covers(elapsed):
            self.aisa.misbehave(Fault.answer(503, ""))
        elif UNPAID.covers(elapsed) and call.account == "brand-a":
            self.aisa.misbehave(Fault.answer(402, ""))
        elif self.dice.random() < 0.05:
            self.aisa.misbehave(self.dice.choice(FAULTS))

    def _after_like(self, call: Call) -> None:
        like = _like(call)
        self.in_mind.add(like)
        self.unknown[like] += self.ledger_is_gone and self.aisa.charges[like] > 1
        self._tick()

    def _forget_recorded(self) -> None:
        """Strike from `in_mind` what the ledger holds by now, if it can be asked."""
        keys = {f"like#{account}#{tweet_id}": (account, tweet_id) for account, tweet_id in self.in_mind}
        for names in batched(() if self.ledger_is_gone else keys, 100, strict=False):
            wanted = {"Keys": [{"pk": {"S": name}} for name in names]}
            items = self.dynamodb.batch_get_item(RequestItems={"state": wanted})["Responses"]["state"]
            self.in_mind -= {keys[item["pk"]["S"]] for item in items if item["status"]["S"] == "liked"}

    def _refuse_sqs(self, action: str) -> bool:
        if self.invoking:
            self._tick()
        is_shaky = action.startswith(("ChangeMessageVisibility", "DeleteMessage"))
        return is_shaky and BAD_QUEUE.covers(self.clock.elapsed) and self.dice.random() < 0.05

    def _tick(self) -> None:
        """One of the points at, or shortly after, which the worker may be killed."""
        if self.invoking:
            self.point += 1
            if self.point in self.points:
                threading.Timer(self.dice.choice((0, self.dice.uniform(0, 0.02))), self._kill).start()

    def _kill(self) -> None:
        if self.invoking:
            self.kills += 1
            self.kill()
        else:  # too late: the invocation was over
            self.points.add(self.point + 1)

    def worker_died(self, event: dict[str, Any]) -> None:
        """Note whose messages it had, and what it had liked and not recorded: that dies with it, and is liked again."""
        self.kills_by_lane.update({record["attributes"]["MessageGroupId"] for record in event["Records"]})
        self._forget_recorded()
        self.killed_at.update(self.in_mind)
        self.in_mind.clear()

    @contextmanager
    def invocation(self) -> Iterator[None]:
        """Mark the time in which the function runs."""
        self.invoking = True
        try:
            yield
        finally:
            self.invoking = False


class Worker:
    """The worker's process. An invocation that follows a kill gets a new one, as on Lambda; one is always in store."""

    def __init__(self, soak: Soak, environ: dict[str, str]) -> None:
        self._soak = soak
        self._environ = environ
        self._process, self._pipe = self._start()
        self._next = self._start()

    def invoke(self, event: dict[str, Any]) -> dict[str, Any] | None:
        """Return what the function answered, or None when it died."""
        self._soak.kill = self._process.kill
        try:
            with self._soak.invocation():
                self._pipe.send(event)
                answer: dict[str, Any] = self._pipe.recv()
                return answer
        except (EOFError, OSError):
            self._process.join()
            self._soak.worker_died(event)
            (self._process, self._pipe), self._next = self._next, self._start()
            self._soak.clock.advance(1)
            return None

    def close(self) -> None:
        """End the processes."""
        for process in (self._process, self._next[0]):
            process.kill()
            process.join()

    def _start(self) -> "tuple[Any, Connection[Any, Any]]":
        ours, theirs = _spawn.Pipe()
        process = _spawn.Process(target=_serve, args=(theirs, self._soak.clock.value, self._environ), daemon=True)
        process.start()
        theirs.close()
        return process, ours


class _Context:
    function_name = "WorkerFunction"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:WorkerFunction"
    aws_request_id = "soak"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 60_000


def _serve(pipe: "Connection[Any, Any]", value: Any, environ: dict[str, str]) -> None:
    """Be the worker: events in, answers out, the handler's own lines to nowhere."""
    os.environ.update(environ)
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 - for as long as the process lives
    from likes.aisa import Patience
    from likes.wiring import build_worker
    from likes.worker import make_handler

    handler = make_handler(
        build_worker(environ, clock=lambda: float(value.value), patience=Patience(READ_SECONDS, retry=0.02))
    )
    while True:
        pipe.send(handler(pipe.recv(), _Context()))  # type: ignore[arg-type]  # stands for Lambda's


def run_ours(count: int, kills: int, seed: int) -> Result:
    """Send the load through the service."""
    with ExitStack() as stack:
        soak = Soak(count, kills, seed, stack)
        queue_url = soak.sqs.create("likes.fifo", VisibilityTimeout=str(VISIBILITY_SECONDS))
        rejected_url = soak.sqs.create("rejected.fifo")
        queue, rejected = soak.sqs.queue(queue_url), soak.sqs.queue(rejected_url)
        queue.dead_letter_queue, queue.max_receives = rejected, 1_000
        worker = Worker(soak, soak.environ | {"LIKE_QUEUE_URL": queue_url, "REJECTED_QUEUE_URL": rejected_url})
        stack.callback(worker.close)
        soak.run(worker.invoke, queue)
        return soak.result(rejected, with_reasons=True)


def run_baseline(count: int, seed: int) -> Result:
    """Send the same load the usual way, without kills."""
    with ExitStack() as stack:
        soak = Soak(count, 0, seed, stack)
        queue, dead = (
            soak.sqs.queue(soak.sqs.create("likes", VisibilityTimeout=str(VISIBILITY_SECONDS))),
            soak.sqs.queue(soak.sqs.create("dead")),
        )
        queue.dead_letter_queue, queue.max_receives = dead, 5
        keys = {account: key for key, account in soak.keys.items()}
        session = stack.enter_context(requests.Session())

        def like(record: Any) -> None:
            body = json.loads(record.body)
            tweet_id = body.get("tweet_id") or body["tweet_url"].rpartition("/")[2]
            session.post(
                f"{soak.aisa.url}/apis/v1/twitter/like_twitter",
                json={"tweet_id": tweet_id},
                headers={"Authorization": f"Bearer {keys[body['account']]}"},
                timeout=BASELINE_READ_SECONDS,
            ).raise_for_status()

        def invoke(event: dict[str, Any]) -> dict[str, Any]:
            processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
            return dict(process_partial_response(event, like, processor, _Context()))  # type: ignore[arg-type]  # stands for Lambda's

        soak.run(invoke, queue)
        return soak.result(dead, with_reasons=False)


def main(count: int, kills: int, seed: int) -> int:
    """Run both at once, print the table, and return 1 if a promise was broken."""
    started = time.monotonic()
    with ProcessPoolExecutor(1, mp_context=_spawn) as beside:
        usual = beside.submit(run_baseline, count, seed)
        ours, baseline = run_ours(count, kills, seed), usual.result()
    table = Table("", "this service", "the usual way", title=f"{count} requests, {len(ACCOUNTS)} accounts, seed {seed}")
    rows: dict[str, Callable[[Result], object]] = {
        "tweets liked": lambda result: result.liked,
        "rejected with a reason": lambda result: result.rejected.total() - result.dead_lettered,
        "dead-lettered by a receive count": lambda result: result.dead_lettered,
        "neither liked nor rejected with a reason": lambda result: result.lost,
        "kills of the worker": lambda result: result.kills,
        "paid for twice": lambda result: result.paid_twice,
        "  of these, a kill fell into the call": lambda result: result.killed,
        "  of these, asked for again while the ledger was away": lambda result: result.unknown,
        "429s provoked": lambda result: result.refused,
        "  most per account and window": lambda result: result.most_refused,
        "hours to drain": lambda result: f"{result.seconds / 3600:.1f}",
        "  times what the limits allow": lambda result: f"{result.seconds / result.allowed:.2f}",
    }
    for name, read in rows.items():
        table.add_row(name, str(read(ours)), str(read(baseline)))
    console = Console()
    console.print(table)
    console.print("Reasons:", dict(ours.rejected))
    console.print(f"{time.monotonic() - started:.0f} s of real time.")
    broken = ours.broken_promises()
    for promise in broken:
        console.print(f"BROKEN: {promise}")
    return 1 if broken else 0


def _like(call: Call) -> tuple[str, str]:
    return call.account or "", call.tweet_id or ""


def _attribute(attributes: dict[str, Any], name: str) -> str:
    return str(attributes.get(name, {}).get("StringValue", ""))


if __name__ == "__main__":
    sizes = [int(argument) for argument in sys.argv[1:]]
    sys.exit(main(*(sizes + [5_000, 50, 1][len(sizes) :])))
