"""``python -m bench.where``: where a start and a warm like spend their time, and what each step took off."""

import cProfile
import os
import pstats
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import boto3
import package as packaging
import requests
from aws_lambda_powertools.utilities.validation import validate

from bench import events, measures
from bench.figures import Figure, ratio, table
from bench.packages import FOLDER, LIKE, Package
from bench.runtime import PYTHON, environment, leave_room
from bench.samples import Samples
from bench.servers import KEY, Servers, servers
from likes.aisa import AisaClient
from likes.aws import boto_config
from likes.dynamodb import DynamoDB
from likes.payload import STRICT_SCHEMA
from local.build import build

ROUNDS: Final = 11
CALLS: Final = 200
SHOWN: Final = 14

# What a warm like consists of, as the profiler names it.
_PARTS: Final = {
    ("payload.py", "read_request"): "payload: JSON Schema",
    ("ledger.py", "reserve"): "ledger: reserve, one transaction",
    ("ledger.py", "settle"): "ledger: settle, one transaction",
    ("keys.py", "key"): "key: Powertools parameters, from its cache",
    ("aisa.py", "like"): "gateway: the call, with requests",
    ("observability.py", "report"): "log line and metrics",
}


def imports(aws: Servers) -> list[Figure]:
    """Return what LikeFunction's import costs, by top-level module; ``likes`` is its own modules and the clients."""
    run = subprocess.run(  # noqa: S603 - our own words
        [PYTHON, "-X", "importtime", "-c", "import likes.api"],
        cwd=LIKE.folder,
        env=environment(LIKE) | aws.environ(),
        capture_output=True,
        text=True,
        check=True,
    )
    own: Counter[str] = Counter()
    for line in run.stderr.splitlines():
        microseconds, _, module = (part.strip() for part in line.removeprefix("import time:").split("|"))
        if microseconds.isdigit():
            own[module.partition(".")[0]] += int(microseconds)
    return [Figure(f"import, {name}", spent / own.total() * 100, None, "%") for name, spent in own.most_common(SHOWN)]


def calls(aws: Servers) -> list[Figure]:
    """Return what a warm like consists of, as shares of the processor time; the profiler slows all of them alike."""
    os.environ.update(environment(LIKE) | aws.environ())
    context: Any = SimpleNamespace(
        function_name="f",
        memory_limit_in_mb=512,
        invoked_function_arn="arn",
        aws_request_id="request",
        get_remaining_time_in_millis=lambda: 60_000,
    )
    profile = cProfile.Profile(time.process_time)
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        from likes.api import handler  # reads the environment, and keeps standard output for its log

        handler(events.http(), context)
        profile.enable()
        for number in range(CALLS):
            handler(events.http(number), context)
        profile.disable()
    stats: Any = pstats.Stats(profile)
    spent = {(Path(file).name, name): entry[3] for (file, _, name), entry in stats.stats.items() if "likes" in file}
    whole = spent["api.py", "handle"]
    return [Figure(f"like, {part}", spent[place] / whole * 100, None, "%") for place, part in _PARTS.items()]


def start_steps(aws: Servers) -> list[Figure]:
    """Return what each step in the packaging does to LikeFunction's start, and what those do that were not taken."""
    folder = FOLDER / "steps"
    shutil.rmtree(folder, ignore_errors=True)
    as_it_comes, compiled = _variant("as pip installs it"), _variant("with bytecode")
    packaging.install(as_it_comes.folder)
    shutil.copytree(as_it_comes.folder, compiled.folder)
    packaging.compile_all(compiled.folder)
    tried = [_variant(f"ours without {what}") for what in ("charset_normalizer", "s3transfer", "garbage collection")]
    for variant in tried:
        shutil.copytree(LIKE.folder, variant.folder)
    without_normalizer, without_s3, without_collection = (variant.folder for variant in tried)
    shutil.rmtree(without_normalizer / "charset_normalizer")
    shutil.rmtree(without_s3 / "s3transfer")
    (without_s3 / "s3transfer").mkdir()
    (without_s3 / "s3transfer" / "manager.py").write_text("class TransferConfig:\n    UNSET_DEFAULT = None\n")
    (without_collection / "likes" / "__init__.py").write_text("import gc\n\ngc.disable()\n")
    for folder in (without_s3, without_collection):
        packaging.compile_all(folder)
    variants = [as_it_comes, compiled, *tried]
    seconds = measures.starts([LIKE, *variants], aws, rounds=ROUNDS)
    return [
        ratio(f"start, {variant.name} / as it ships", seconds[variant.name], seconds[LIKE.name], None)
        for variant in variants
    ]


def call_steps(aws: Servers) -> list[Figure]:
    """Return what each step in the code does to a warm like."""
    payload = {"tweet_id": "1346889436626259968"}
    session = boto3.Session("x", "x", region_name="us-east-1")
    update: Any = {
        "TableName": "state",
        "Key": {"pk": {"S": "account#default"}},
        "UpdateExpression": "ADD used :one",
        "ExpressionAttributeValues": {":one": {"N": "1"}},
    }
    boto, ours = session.client("dynamodb", endpoint_url=aws.aws), DynamoDB(session, aws.aws)
    checked = session.client("sqs", endpoint_url=aws.aws)
    unchecked = session.client("sqs", endpoint_url=aws.aws, config=boto_config(connect=1, read=1))
    gateway, plain = AisaClient(aws.aisa), requests.Session()
    like: Any = {"method": "POST", "url": f"{aws.aisa}/apis/v1/twitter/like_twitter", "json": payload}
    message: Any = {"QueueUrl": f"{aws.aws}/000000000000/likes.fifo", "MessageBody": "{}"}
    jobs: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
        "a payload, by Powertools' validate / compiled once": (
            lambda: validate(payload, STRICT_SCHEMA.definition),
            lambda: STRICT_SCHEMA.check(payload),
        ),
        "a transaction, by boto3's client / as it ships": (
            lambda: boto.transact_write_items(TransactItems=[{"Update": update}]),
            lambda: ours.call("TransactWriteItems", TransactItems=[{"Update": update}]),
        ),
        "a request to the gateway, prepared anew / as it ships": (
            lambda: plain.prepare_request(requests.Request(**like, headers={"Authorization": f"Bearer {KEY}"})),
            lambda: gateway.request(payload["tweet_id"], KEY),
        ),
        "a message, with botocore's checks / without": (
            lambda: checked.send_message(**message),
            lambda: unchecked.send_message(**message),
        ),
    }
    return [ratio(name, _cpu(before), _cpu(after), None) for name, (before, after) in jobs.items()]


def _variant(name: str) -> Package:
    return replace(LIKE, name=name, folder=FOLDER / "steps" / name)


def _cpu(job: Callable[[], object]) -> Samples:
    """Return the processor time of each of some calls, seconds."""
    spent = []
    for _ in range(CALLS):
        before = time.process_time()
        job()
        spent.append(time.process_time() - before)
    return Samples.of(spent)


def main() -> None:
    """Print it all as one table."""
    build()
    leave_room()
    with servers() as aws:
        print(table([*imports(aws), *calls(aws), *start_steps(aws), *call_steps(aws)]))


if __name__ == "__main__":
    main()
