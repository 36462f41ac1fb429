"""``python -m bench`` measures all figures; ``--check`` only the ratios, and against those that were recorded."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from bench import events, measures
from bench.figures import Figure, ratio, table
from bench.packages import (
    BARE,
    EMPTY,
    FLOORS,
    LIKE,
    OURS,
    PLAIN,
    TRIMMED_FLOORS,
    WEBHOOK,
    WORKER,
    Package,
    build_floor,
    build_others,
)
from bench.runtime import leave_room
from bench.samples import Samples
from bench.servers import BACKLOGS, Servers, servers
from local.build import build

RECORDED: Final = Path(__file__).with_name("recorded.json")
MARGIN: Final = 1.25  # noise moves a ratio by less, and what is worth knowing of moves it by more

# Milliseconds are told as they would be where an empty handler starts in 40 ms.
EMPTY_START_SECONDS: Final = 0.040
OWN_MILLISECONDS: Final = 1.5
RESIDENT_MEGABYTES: Final = 60.0
ZIPPED_MEGABYTES: Final = 7.0
INVOCATIONS: Final = 10_000


def measure(aws: Servers, rounds: int) -> list[Figure]:
    """Return all figures."""
    starts = measures.starts([*OURS, *FLOORS, *TRIMMED_FLOORS, EMPTY, PLAIN], aws, rounds=rounds)
    return [
        *_over_floors("start", starts, 1.25),
        *(
            ratio(f"start, {package.name} / {floor.name}", starts[package.name], starts[floor.name], None)
            for package, floor in zip(OURS, TRIMMED_FLOORS, strict=True)
        ),
        ratio(f"start, {EMPTY.name} / {FLOORS[0].name}", starts[EMPTY.name], starts[FLOORS[0].name], None),
        *(
            ratio(f"start, {package.name} / plain Powertools", starts[package.name], starts[PLAIN.name], 0.4)
            for package in OURS
        ),
        *_warm(aws, rounds),
        *_late(aws, 2 * rounds),
        *_backlogs(aws, min(rounds, BACKLOGS[0] // 10)),
        *_sizes(aws),
    ]


def check(aws: Servers) -> list[Figure]:
    """Return the ratios that tell of a regression, each with the recorded one and a margin for its limit."""
    recorded = json.loads(RECORDED.read_text())
    return [replace(figure, limit=recorded[figure.name] * MARGIN) for figure in ratios(aws)]


def ratios(aws: Servers) -> list[Figure]:
    """Return what a regression would change: start and warm time, over those of the floor."""
    functions = [*OURS, *FLOORS]
    return [
        *_over_floors("start", measures.starts(functions, aws, rounds=5), None),
        *_over_floors("warm", measures.invocations(_singly(functions), aws, rounds=9), None),
    ]


def _over_floors(what: str, seconds: dict[str, Samples], limit: float | None) -> list[Figure]:
    return [
        ratio(f"{what}, {package.name} / {floor.name}", seconds[package.name], seconds[floor.name], limit)
        for package, floor in zip(OURS, FLOORS, strict=True)
    ]


def _warm(aws: Servers, rounds: int) -> list[Figure]:
    jobs = _singly([*OURS, *FLOORS, EMPTY, BARE]) | {
        f"{records} of {accounts}": (WORKER, [events.queue(records=records, accounts=accounts)])
        for records, accounts in ((10, 1), (10, 10), (100, 10))
    }
    warm = measures.invocations(jobs, aws, rounds=rounds)
    scale = warm["start"] / EMPTY_START_SECONDS
    one_post = warm[BARE.name] - warm[EMPTY.name]
    per_record = (warm["10 of 10"] - warm[EMPTY.name]) / 10
    own = {
        f"warm, {LIKE.name}, own time over a bare Session.post": warm[LIKE.name] - warm[BARE.name],
        f"warm, {WEBHOOK.name}, own time": warm[WEBHOOK.name] - warm[EMPTY.name],
        f"warm, {WORKER.name}, own time per record of 10": per_record - one_post,
    }
    return [
        *_over_floors("warm", warm, None),
        Figure("start, empty handler / 40 ms", scale.median, None),
        *(_own(name, seconds, scale, OWN_MILLISECONDS) for name, seconds in own.items()),
        _own(f"  the first of {FLOORS[0].name}", warm[FLOORS[0].name] - warm[BARE.name], scale, None),
        ratio("a record in a batch of 100 / of 10", warm["100 of 10"] / 100, warm["10 of 10"] / 10, MARGIN),
        ratio("a record of 10 accounts / of 1 account", warm["10 of 10"] / 10, warm["10 of 1"] / 10, MARGIN),
    ]


def _singly(packages: Sequence[Package]) -> dict[str, measures.Job]:
    return {package.name: (package, [package.event(number) for number in range(20)]) for package in packages}


def _own(name: str, seconds: Samples, scale: Samples, limit: float | None) -> Figure:
    return Figure(name, (seconds / scale).median * 1e3, limit, "ms", f"{seconds.median * 1e3:.2f} ms here")


def _late(aws: Servers, rounds: int) -> list[Figure]:
    late = measures.with_latency(aws, rounds=rounds)
    return [
        ratio("at 50 ms, POST /likes / bare Session.post", late[LIKE.name], late[BARE.name], 1.1),
        ratio("at 50 ms, batch of 10 / its slowest likes in sequence", late["batch of 10"], late["10 slow likes"], 1.0),
    ]


def _backlogs(aws: Servers, rounds: int) -> list[Figure]:
    seconds = measures.backlogs(aws, rounds=rounds)
    smallest = BACKLOGS[0]
    return [
        ratio(f"a message with {size:,} queued / with {smallest}", seconds[size], seconds[smallest], MARGIN)
        for size in BACKLOGS[1:]
    ]


def _sizes(aws: Servers) -> list[Figure]:
    figures = []
    for package in OURS:
        early, at_last = measures.memory(package, aws, invocations=INVOCATIONS)
        figures += [
            Figure(f"resident after {INVOCATIONS:,} invocations, {package.name}", at_last, RESIDENT_MEGABYTES, "MB"),
            Figure(f"  over that after {INVOCATIONS // 10:,}", at_last / early, 1.02),
            Figure(f"zipped, {package.name}", package.zipped_megabytes, ZIPPED_MEGABYTES, "MB"),
        ]
    return figures


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, and return 1 where a figure is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="how often each start is measured")
    parser.add_argument("--check", action="store_true", help="compare the ratios with the recorded ones")
    parser.add_argument("--record", action="store_true", help="record the ratios")
    options = parser.parse_args(arguments)
    build()
    build_floor()
    if not (options.check or options.record):
        build_others()
    leave_room()
    with servers() as aws:
        if options.record:
            recorded = {figure.name: round(figure.value, 2) for figure in ratios(aws)}
            RECORDED.write_text(json.dumps(recorded, indent=2) + "\n")
            return 0
        figures = check(aws) if options.check else measure(aws, options.rounds)
    print(table(figures))
    missed = [figure.name for figure in figures if not figure.is_kept]
    print(f"\nMissed: {'; '.join(missed)}." if missed else "\nAll figures are kept.")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
