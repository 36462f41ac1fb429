"""How each thing is measured. All that is compared takes turns, in an order that is shuffled anew in each round."""

import random
import statistics
import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Final

import boto3

from bench import events
from bench.events import Event
from bench.packages import BARE, EMPTY, LIKE, WORKER, Package
from bench.runtime import Function, running
from bench.samples import Samples
from bench.servers import BACKLOGS, Servers
from local.poller import poll

WARM_UP: Final = 100
LIVES: Final = 3  # processes of one package differ, by where things happen to lie in memory

type Job = tuple[Package, Sequence[Event]]


def starts(packages: Collection[Package], servers: Servers, *, rounds: int) -> dict[str, Samples]:
    """Return how long each package takes from spawn to first answer, seconds."""
    seconds: defaultdict[str, list[float]] = defaultdict(list)
    for package in _shuffled(packages, rounds):
        seconds[package.name].append(_start(package, servers))
    return _samples(seconds)


def _start(package: Package, servers: Servers) -> float:
    started = time.perf_counter()
    with running(package, servers.environ()) as function:
        function.invoke(package.event(0))
        return time.perf_counter() - started


def invocations(jobs: Mapping[str, Job], servers: Servers, *, rounds: int) -> dict[str, Samples]:
    """Return the processor time that a warm package takes for one event of each job, seconds.

    Under ``start`` is how long the empty handler takes to start, in the same rounds, since a machine's speed changes.
    """
    seconds: defaultdict[str, list[float]] = defaultdict(list)
    packages = {package.name: package for package, _ in jobs.values()}
    for _ in range(LIVES):
        with _warm(packages.values(), servers.environ()) as functions:
            for name in _shuffled([*jobs, "start"], rounds // LIVES):
                if name == "start":
                    seconds[name].append(_start(EMPTY, servers))
                    continue
                package, batch = jobs[name]
                functions[package.name].invoke(batch[0])  # others have had the processor's caches since
                seconds[name].append(_cpu(functions[package.name], batch) / len(batch))
    return _samples(seconds)


def with_latency(servers: Servers, *, rounds: int) -> dict[str, Samples]:
    """Return how long a like, the bare call and a batch of 10 take when AIsa takes 50 ms, seconds.

    Under ``10 slow likes`` is ten times what the slowest tenth of the likes takes at least.
    """
    seconds: defaultdict[str, list[float]] = defaultdict(list)
    jobs = {
        LIKE.name: (LIKE, events.http()),
        BARE.name: (BARE, events.http()),
        "batch of 10": (WORKER, events.queue(records=10, accounts=10)),
    }
    with _warm((LIKE, BARE, WORKER), servers.environ(slow=True), times=5) as functions:
        for name in _shuffled(jobs, rounds):
            package, event = jobs[name]
            started = time.perf_counter()
            functions[package.name].invoke(event)
            seconds[name].append(time.perf_counter() - started)
    slow = statistics.quantiles(seconds[LIKE.name], n=10)[-1]
    return _samples(seconds) | {"10 slow likes": Samples.of([10 * slow] * rounds)}


def backlogs(servers: Servers, *, rounds: int) -> dict[int, Samples]:
    """Return the worker's processor time per message, seconds, by how many messages are in the queue."""
    seconds: defaultdict[int, list[float]] = defaultdict(list)
    session = boto3.Session("x", "x", region_name="us-east-1")
    client = session.client("sqs", endpoint_url=servers.queues)
    with running(WORKER, servers.environ() | {"AWS_ENDPOINT_URL_SQS": servers.queues}) as function:
        _cpu(function, [WORKER.event(0)] * WARM_UP)
        for size in _shuffled(BACKLOGS, rounds):
            before = function.cpu_seconds
            done = poll(client, servers.backlog_url(size), "arn:aws:sqs:us-east-1:0:q.fifo", function.invoke)
            assert done  # noqa: S101 - the queue was filled for more rounds than there are
            seconds[size].append((function.cpu_seconds - before) / len(done.event["Records"]))
    return _samples(seconds)


def memory(package: Package, servers: Servers, *, invocations: int) -> tuple[float, float]:
    """Return the resident megabytes after a tenth of the invocations and after all of them."""
    with running(package, servers.environ()) as function:
        _invoke(function, [package.event(number) for number in range(invocations // 10)])
        early = function.resident_megabytes
        _invoke(function, (package.event(number) for number in range(invocations // 10, invocations)))
        return early, function.resident_megabytes


@contextmanager
def _warm(
    packages: Collection[Package], environ: Mapping[str, str], *, times: int = WARM_UP
) -> Iterator[dict[str, Function]]:
    """Run all packages, each warmed up."""
    with ExitStack() as stack:
        functions = {package.name: stack.enter_context(running(package, environ)) for package in packages}
        for package in packages:
            _invoke(functions[package.name], [package.event(0)] * times)
        yield functions


def _invoke(function: Function, batch: Iterable[Event]) -> None:
    for event in batch:
        function.invoke(event)


def _cpu(function: Function, batch: Sequence[Event]) -> float:
    before = function.cpu_seconds
    _invoke(function, batch)
    return function.cpu_seconds - before


def _shuffled[T](things: Collection[T], rounds: int) -> Iterator[T]:
    for _ in range(rounds):
        yield from random.sample(list(things), len(things))


def _samples[K](rounds: Mapping[K, Sequence[float]]) -> dict[K, Samples]:
    return {name: Samples.of(values) for name, values in rounds.items()}
