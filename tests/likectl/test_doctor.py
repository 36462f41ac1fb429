"""``likectl doctor``."""

import os
import time
from collections.abc import Callable

import boto3
import pytest
import requests

from likectl import probe
from likes.settings import AisaSettings
from local.aisa import AisaSimulator
from local.faults import Fault
from local.serving import Handler, LoopbackServer
from tests.likectl.conftest import BRAND_KEY, KEY, FakeStack, likectl


def found(subject: str) -> tuple[str, str, str]:
    """Return the level, the finding and the remedy of the first check on a subject that is not well."""
    checks = [check for check in likectl("doctor", "--json").json if check["subject"] == subject]
    checks.sort(key=lambda check: check["level"] == "ok")
    return checks[0]["level"], checks[0]["found"], checks[0]["todo"]


def test_a_healthy_stack_exits_0(stack: FakeStack) -> None:
    stack.secret = KEY

    run = likectl("doctor")

    assert run.status == 0
    assert run.out.count("\nok ") + run.out.startswith("ok ") == 9
    assert "fail" not in run.out


def test_keys_are_tried_without_a_like_or_its_price(stack: FakeStack) -> None:
    stack.secret = f'{{"default": "{KEY}", "brand-a": "{BRAND_KEY}"}}'

    assert found("key of default")[0] == "ok"
    assert found("key of brand-a")[0] == "ok"

    assert stack.aisa.spent == 0
    assert not stack.aisa.likes


@pytest.mark.parametrize(
    ("key", "reason"),
    [(KEY, "invalid_request"), ("sk-that-nobody-gave-out", "key_refused"), ("", "key_refused")],
    ids=["good", "wrong", "missing"],
)
def test_a_call_that_can_not_succeed_tells_good_keys_from_others(gateway: AisaSimulator, key: str, reason: str) -> None:
    outcome = probe.try_key(AisaSettings(gateway.url, "secret", key_in_body=False), key)

    assert outcome.reason == reason
    assert probe.accepts(outcome) == (key == KEY)
    assert gateway.spent == 0
    assert not gateway.likes


def test_a_gateway_that_refuses_the_tweet_before_it_looks_at_the_key_proves_nothing(stack: FakeStack) -> None:
    stack.secret = KEY
    stack.aisa.misbehave(Fault.answer(400, {"error": {"code": "invalid-request"}}), times=2)

    assert found("key of default")[:2] == ("warn", "the gateway did not say (unexpected_answer)")


def refuse_the_key(stack: FakeStack) -> None:
    stack.aisa.revoke_key(KEY)


def use_up_the_balance(stack: FakeStack) -> None:
    stack.aisa.misbehave(Fault.answer(402, {"error": {"code": "insufficient_wallet_balance"}}))


def store_no_key(stack: FakeStack) -> None:
    stack.secret = "{}"


def store_nonsense(stack: FakeStack) -> None:
    stack.secret = '{"default": 3}'


def hold(stack: FakeStack) -> None:
    until = round(time.time() * 1000) + 3_600_000
    stack.put_account("default", hold_until=until, hold_seconds=3_600_000, hold_kind="blocked", hold_reason="forbidden")


def break_a_source(stack: FakeStack) -> None:
    stack.sources = {"crm": {"scheme": "token", "secrets": ["short"]}}


def break_the_webhook_secret(stack: FakeStack) -> None:
    stack.sources = "whsec_"


def hurry_the_queue(stack: FakeStack) -> None:
    stack.sqs.create("likes.fifo", VisibilityTimeout="30")


def dead_letter_soon(stack: FakeStack) -> None:
    stack.sqs.create("likes.fifo", VisibilityTimeout="360", RedrivePolicy='{"maxReceiveCount": 3}')


def lose_the_rejected_queue(stack: FakeStack) -> None:
    stack.sqs.refuse = lambda action: action == "GetQueueAttributes"


@pytest.mark.parametrize(
    ("harm", "subject", "words", "todo"),
    [
        (refuse_the_key, "key of default", "key_refused", "likectl key rotate --account default"),
        (use_up_the_balance, "key of default", "balance_exhausted", "top up the AIsa wallet"),
        (store_no_key, "AIsa secret", "no key", "likectl key set"),
        (store_nonsense, "keys", "key_malformed", ""),
        (hold, "account default", "on hold for", "likectl link --account default"),
        (break_a_source, "source crm", "minLength", "likectl source remove crm"),
        (break_the_webhook_secret, "sources", "webhook_secret_malformed", ""),
        (hurry_the_queue, "queue", "less than 6 times", "set it to 360 s"),
        (dead_letter_soon, "queue", "after 3 receives", "1000"),
        (lose_the_rejected_queue, "rejected queue", "GetQueueAttributes", ""),
    ],
)
def test_a_fault_fails_and_says_what_to_do(
    stack: FakeStack, harm: Callable[[FakeStack], None], subject: str, words: str, todo: str
) -> None:
    stack.secret = KEY

    harm(stack)

    level, finding, remedy = found(subject)
    assert level == "fail"
    assert words in finding
    assert todo in remedy


def test_a_failure_exits_1_and_warnings_do_not(stack: FakeStack) -> None:
    stack.secret = KEY
    stack.reject("20")
    assert likectl("doctor").status == 0

    stack.aisa.revoke_key(KEY)

    assert likectl("doctor").status == 1


class Changed(LoopbackServer):
    """moto, with other words in its answers and its clock ahead: moto's own stacks have no alarms and no faults."""

    def __init__(self, changes: dict[bytes, bytes], ahead: float = 0) -> None:
        self.behind = os.environ["AWS_ENDPOINT_URL"]
        self.changes = changes
        self.ahead = ahead
        super().__init__(_Carry)


class _Carry(Handler):
    owner: Changed

    def do_POST(self) -> None:  # noqa: N802 - http.server's name for it
        asked = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        address = f"{self.owner.behind}{self.path}"
        answer = requests.request(self.command, address, data=asked, headers=dict(self.headers), timeout=30)
        content = answer.content
        for words, others in self.owner.changes.items():
            content = content.replace(words, others)
        self.send_response(answer.status_code)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST  # noqa: N815 - the same

    def date_time_string(self, timestamp: float | None = None) -> str:
        return super().date_time_string((timestamp or time.time()) + self.owner.ahead)


AN_ALARM = (
    b"<StackResourceSummaries><member><LogicalResourceId>RejectedAlarm</LogicalResourceId>"
    b"<PhysicalResourceId>rejected</PhysicalResourceId>"
    b"<ResourceType>AWS::CloudWatch::Alarm</ResourceType></member>"
)


@pytest.mark.parametrize(
    ("service", "words", "others", "subject", "level", "finding", "todo"),
    [
        ("cloudformation", "CREATE_COMPLETE", "UPDATE_IN_PROGRESS", "stack", "warn", "UPDATE_IN_PROGRESS", "wait"),
        ("cloudformation", "CREATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "stack", "warn", "failed", "deploy again"),
        ("cloudformation", "CREATE_COMPLETE", "ROLLBACK_COMPLETE", "stack", "fail", "ROLLBACK", "deploy again"),
        ("cloudformation", "{secret}", "{other}", "region", "fail", "the AIsa secret is in eu-west-1", "in us-east-1"),
        ("lambda", "ReportBatchItemFailures", "", "worker", "fail", "ignores partial answers", "deploy"),
        ("lambda", '"State": "Enabled"', '"State": "Updating"', "worker", "warn", "Updating", "in a minute"),
    ],
)
def test_what_aws_says_of_its_parts_is_told(
    stack: FakeStack,
    monkeypatch: pytest.MonkeyPatch,
    service: str,
    words: str,
    others: str,
    subject: str,
    level: str,
    finding: str,
    todo: str,
) -> None:
    stack.secret = KEY
    secret = stack.outputs["AisaSecretArn"]
    arns = {"{secret}": secret, "{other}": secret.replace("us-east-1", "eu-west-1")}

    with Changed({arns.get(words, words).encode(): arns.get(others, others).encode()}) as aws:
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service.upper()}", aws.url)
        told = found(subject)

    assert told[0] == level
    assert finding in told[1]
    assert todo in told[2]


@pytest.mark.parametrize(("ahead", "level"), [(0, "ok"), (100, "warn"), (1_000, "fail")])
def test_a_clock_that_is_wrong_is_told(
    stack: FakeStack, monkeypatch: pytest.MonkeyPatch, ahead: float, level: str
) -> None:
    stack.secret = KEY

    with Changed({}, ahead) as cloudformation:
        monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDFORMATION", cloudformation.url)

        assert found("clock")[0] == level


def test_alarms_that_nobody_hears_are_a_warning(stack: FakeStack, monkeypatch: pytest.MonkeyPatch) -> None:
    stack.secret = KEY
    topics, alarms = boto3.client("sns"), boto3.client("cloudwatch")
    topic = topics.create_topic(Name="alarms")["TopicArn"]

    def put_alarm(*actions: str) -> None:
        alarms.put_metric_alarm(
            AlarmName="rejected",
            MetricName="Rejected",
            Namespace="TweetLikes",
            ComparisonOperator="GreaterThanThreshold",
            EvaluationPeriods=1,
            Period=60,
            Statistic="Sum",
            Threshold=0,
            AlarmActions=actions,
        )

    with Changed({b"<StackResourceSummaries>": AN_ALARM}) as cloudformation:
        monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDFORMATION", cloudformation.url)
        put_alarm()
        assert found("alarms")[:2] == ("warn", "rejected tell nobody")
        put_alarm(topic)
        assert found("alarms")[0] == "warn"
        assert f"aws sns subscribe --topic-arn {topic}" in found("alarms")[2]
        topics.subscribe(TopicArn=topic, Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:123456789012:mail")
        assert found("alarms")[0] == "ok"


def test_what_only_deserves_attention_is_a_warning(stack: FakeStack) -> None:
    stack.secret = KEY
    stack.reject("20")
    stack.aisa.misbehave(Fault(status=500), times=3)
    functions = boto3.client("lambda")
    mapping = functions.list_event_source_mappings(FunctionName="worker")["EventSourceMappings"][0]
    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)

    assert found("key of default")[:2] == ("warn", "the gateway did not say (upstream_error)")
    assert found("rejected queue") == ("warn", "1 message", "likectl failures")
    assert found("worker") == ("warn", "it is paused", "likectl resume")
