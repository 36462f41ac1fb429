"""``likectl doctor``: what is well with a stack, what is not, and what to do about it."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError
from rich.text import Text

from likectl import probe, queue, webhooks
from likectl.accounts import Accounts
from likectl.commands.status import known_accounts
from likectl.deployment import Deployment
from likectl.problems import Exit, Problem, explain
from likectl.run import Run
from likectl.stored import Secret, read_keys, read_sources
from likectl.wording import count, duration, printable
from likes.keys import is_well_formed
from likes.outcomes import Kind

WORST_SKEW_SECONDS: Final = 300.0
"""The senders' signatures and AWS's own are refused when clocks differ by more."""

LONGEST_BACKLOG: Final = 120_000
"""SQS looks no further than so many messages for a group that is free."""

VISIBILITY_FACTOR: Final = 6
LEAST_RECEIVES: Final = 1_000


class Level(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, how it is, and what to do about it."""

    level: Level
    subject: str
    found: str
    todo: str = ""


_REMEDIES: Final = {
    "key_not_set": "likectl key set --account {account}",
    "key_malformed": "likectl key rotate --account {account}",
    "key_refused": "likectl key rotate --account {account}, then likectl unhold --account {account}",
    "key_wanted_in_body": "deploy with AisaKeyInBody=true",
    "balance_exhausted": "top up the AIsa wallet or raise the key's cap, then likectl unhold --account {account}",
    "forbidden": "likectl link --account {account}, or ask AIsa whether likes are enrolled",
    "secret_unreadable": "give the functions' roles access to the secret and to its KMS key",
    "quota_exceeded": "raise the key's spending cap at AIsa",
}


def doctor(run: Run) -> Exit:
    """Check everything that likes depend on.

    Nothing is changed, liked or spent: the gateway is asked to like a tweet without an id, which it refuses and does
    not charge for, with each key and with one that nobody has. It exits 0 when nothing failed, 1 when something did;
    warnings do not count.
    """
    stack = run.stack
    _ = stack.description
    checks = []
    for examine in _EXAMINATIONS:
        for check in _examined(examine, stack):
            checks.append(check)
            if not run.json:
                _show(run, check)
    if run.json:
        run.answer([asdict(check) for check in checks])
    return Exit.FINDINGS if any(check.level is Level.FAIL for check in checks) else Exit.OK


def _examined(examine: Callable[[Deployment], Iterator[Check]], stack: Deployment) -> Iterator[Check]:
    """Yield what an examination finds; that it can not be made is a finding, too."""
    try:
        yield from examine(stack)
    except (BotoCoreError, ClientError) as error:
        yield Check(Level.FAIL, _subject(examine), explain(error).line)
    except Problem as problem:
        yield Check(Level.FAIL, _subject(examine), problem.line)


def _subject(examine: Callable[[Deployment], Iterator[Check]]) -> str:
    return examine.__name__.strip("_").replace("_", " ")


def _show(run: Run, check: Check) -> None:
    style = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "bold red"}[check.level]
    words = f"{check.found}{'. To do: ' if check.todo else ''}{check.todo}"
    line = Text.assemble((f"{check.level:<5}", style), f"{printable(check.subject)}: {printable(words)}")
    run.out.print(line, soft_wrap=True)


def _stack(stack: Deployment) -> Iterator[Check]:
    status = stack.description["StackStatus"]
    if status.endswith("_IN_PROGRESS"):
        yield Check(Level.WARN, "stack", f"{stack.name} is {status}", "wait until CloudFormation is done")
    elif status == "UPDATE_ROLLBACK_COMPLETE":
        yield Check(Level.WARN, "stack", f"{stack.name} is {status}: the last deployment failed", "deploy again")
    elif status in {"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"}:
        yield Check(Level.OK, "stack", f"{stack.name} is {status}")
    else:
        yield Check(
            Level.FAIL, "stack", f"{stack.name} is {status}", "see its events in CloudFormation, and deploy again"
        )


def _region(stack: Deployment) -> Iterator[Check]:
    parts = {
        "queue": stack.event_source()["EventSourceArn"],
        "AIsa secret": stack.output("AisaSecretArn"),
        "webhook secret": stack.output("WebhookSecretArn"),
    }
    elsewhere = {part: region for part, arn in parts.items() if (region := arn.split(":")[3]) != stack.region}
    for part, region in elsewhere.items():
        found = f"the {part} is in {region}, the functions are in {stack.region}"
        yield Check(Level.FAIL, "region", found, f"deploy with one in {stack.region}")
    if not elsewhere:
        yield Check(Level.OK, "region", f"the functions, their queue and their secrets are in {stack.region}")


def _clock(stack: Deployment) -> Iterator[Check]:
    metadata = stack.cloudformation.describe_stacks(StackName=stack.name)["ResponseMetadata"]
    date = metadata["HTTPHeaders"].get("date")
    if date is None:
        yield Check(Level.WARN, "clock", "AWS did not tell the time")
        return
    skew = abs(parsedate_to_datetime(date).timestamp() - time.time())
    if skew < WORST_SKEW_SECONDS / 5:
        yield Check(Level.OK, "clock", "this machine's agrees with AWS's")
    else:
        level = Level.WARN if skew < WORST_SKEW_SECONDS else Level.FAIL
        yield Check(level, "clock", f"this machine's is off by {duration(skew)}", "set it by NTP")


def _keys(stack: Deployment) -> Iterator[Check]:
    keys = read_keys(Secret(stack.output("AisaSecretArn"), stack.secrets))
    if not keys:
        yield Check(Level.FAIL, "AIsa secret", "it holds no key", "likectl key set")
    for account, key in keys.items():
        subject = f"key of {account}"
        if not is_well_formed(key):
            reason = "key_malformed" if key else "key_not_set"
            yield Check(Level.FAIL, subject, f"it can not be one ({reason})", _remedy(reason, account))
            continue
        outcome = probe.try_key(stack.gateway, key)
        if probe.accepts(outcome):
            yield Check(Level.OK, subject, "the gateway takes it")
        elif outcome.kind is Kind.BLOCKED or outcome.reason == "quota_exceeded":
            yield Check(Level.FAIL, subject, f"{outcome.detail} ({outcome.reason})", _remedy(outcome.reason, account))
        else:
            yield Check(Level.WARN, subject, f"the gateway did not say ({outcome.reason})", "ask again in a while")


def _sources(stack: Deployment) -> Iterator[Check]:
    sources = read_sources(Secret(stack.output("WebhookSecretArn"), stack.secrets))
    mistakes = {name: mistake for name, entry in sources.items() if (mistake := webhooks.mistake(entry))}
    for name, mistake in mistakes.items():
        yield Check(Level.FAIL, f"source {name}", mistake, f"likectl source remove {name}, and add it again")
    if not mistakes:
        yield Check(Level.OK, "webhook secret", f"{count(len(sources), 'source')}, none with a mistake")


def _worker(stack: Deployment) -> Iterator[Check]:
    mapping = stack.event_source()
    state = mapping.get("State", "unknown")
    if state == "Disabled":
        yield Check(Level.WARN, "worker", "it is paused", "likectl resume")
    elif state == "Enabled":
        yield Check(Level.OK, "worker", "its event source is enabled")
    else:
        yield Check(Level.WARN, "worker", f"its event source is {state}", "ask again in a minute")
    result = mapping.get("LastProcessingResult", "")
    if result.startswith("PROBLEM"):
        yield Check(Level.FAIL, "worker", result, "see the worker's role and its log")
    if "ReportBatchItemFailures" not in mapping.get("FunctionResponseTypes", []):
        yield Check(Level.FAIL, "worker", "its event source ignores partial answers", "deploy the template again")


def _queue(stack: Deployment) -> Iterator[Check]:
    url, timeout = stack.queue_url, stack.worker["Timeout"]
    attributes = stack.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    visibility = int(attributes["VisibilityTimeout"])
    if visibility < VISIBILITY_FACTOR * timeout:
        found = (
            f"its visibility timeout is {visibility} s, less than {VISIBILITY_FACTOR} times the worker's {timeout} s"
        )
        yield Check(Level.FAIL, "queue", found, f"set it to {VISIBILITY_FACTOR * timeout} s")
    if not url.endswith(".fifo"):
        yield Check(Level.WARN, "queue", "it is a standard queue: accounts have no lanes", "use a FIFO queue")
    receives = int(json.loads(attributes.get("RedrivePolicy", "{}")).get("maxReceiveCount", LEAST_RECEIVES))
    if receives < LEAST_RECEIVES:
        found = f"it dead-letters after {receives} receives: likes that wait would end there"
        yield Check(Level.FAIL, "queue", found, f"set maxReceiveCount to {LEAST_RECEIVES}")
    backlog = queue.backlog(stack.sqs, url)
    if backlog.total > LONGEST_BACKLOG:
        found = f"{backlog.total:,} messages: SQS finds free accounts among the first {LONGEST_BACKLOG:,} only"
        yield Check(Level.WARN, "queue", found, "send less at a time")
    else:
        yield Check(Level.OK, "queue", f"{backlog.waiting:,} waiting, {backlog.hidden:,} in work or hidden")


def _rejected_queue(stack: Deployment) -> Iterator[Check]:
    total = queue.backlog(stack.sqs, stack.output("RejectedQueueUrl")).total
    if total:
        yield Check(Level.WARN, "rejected queue", count(total, "message"), "likectl failures")
    else:
        yield Check(Level.OK, "rejected queue", "empty")


def _accounts(stack: Deployment) -> Iterator[Check]:
    now = time.time()
    names = known_accounts(stack)
    accounts = Accounts(stack.output("StateTableName"), stack.dynamodb).read(names, now)
    held = [(account.name, account.hold) for account in accounts if account.hold]
    for name, hold in held:
        found = f"on hold for {duration(hold.until - now)} more ({hold.reason})"
        level = Level.FAIL if hold.kind is Kind.BLOCKED else Level.WARN
        yield Check(level, f"account {name}", found, _remedy(hold.reason, name))
    if not held:
        yield Check(Level.OK, "accounts", f"none of {len(names)} on hold")


def _alarms(stack: Deployment) -> Iterator[Check]:
    names = [resource.id for resource in stack.resources.values() if resource.type == "AWS::CloudWatch::Alarm"]
    if not names:
        yield Check(Level.WARN, "alarms", "the stack has none", "deploy this project's newest template")
        return
    alarms = stack.cloudwatch.describe_alarms(AlarmNames=names)["MetricAlarms"]
    for alarm in alarms:
        if alarm.get("StateValue") == "ALARM":
            yield Check(Level.WARN, "alarms", f"{alarm['AlarmName']} is in alarm", "see the runbook")
    silent = [alarm["AlarmName"] for alarm in alarms if not alarm.get("AlarmActions")]
    if silent:
        yield Check(Level.WARN, "alarms", f"{', '.join(silent)} tell nobody", "deploy this project's newest template")
    for topic in sorted({action for alarm in alarms for action in alarm.get("AlarmActions", []) if ":sns:" in action}):
        subscriptions = stack.sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
        if any(one["SubscriptionArn"].startswith("arn:") for one in subscriptions):
            yield Check(Level.OK, "alarms", f"{count(len(alarms), 'alarm')}, somebody is told")
        elif subscriptions:
            yield Check(Level.WARN, "alarms", "no subscriber has confirmed yet", "open the link in the mail from AWS")
        else:
            subscribe = f"aws sns subscribe --topic-arn {topic} --protocol email --notification-endpoint YOU"
            yield Check(Level.WARN, "alarms", "nobody is told of them", subscribe)


def _remedy(reason: str, account: str) -> str:
    return _REMEDIES.get(reason, "").format(account=account)


_EXAMINATIONS: Final[tuple[Callable[[Deployment], Iterator[Check]], ...]] = (
    _stack,
    _region,
    _clock,
    _keys,
    _sources,
    _worker,
    _queue,
    _rejected_queue,
    _accounts,
    _alarms,
)
