"""The stack as a team deploys it that has secrets, a queue, a key, a topic and a boundary of its own already."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local.aisa import AisaSimulator
from local.build import build
from local.emulator import client, emulator
from local.service import DEMO_TOKEN, SOURCES
from local.stack import STACK, Stack, deploy, describe
from tests.deployed.conftest import together
from tests.deployed.test_story import eventually

pytestmark = [*together, pytest.mark.simulated]

EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


@dataclass(frozen=True)
class Variant:
    """The deployed stack, what it was given, and who saw its likes."""

    stack: Stack
    simulator: AisaSimulator
    queue_url: str
    given: dict[str, str]


@pytest.fixture(scope="module")
def variant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Variant]:
    folder: Path = tmp_path_factory.mktemp("variant")
    with AisaSimulator({"sk-1": "default"}) as simulator, emulator(folder) as ministack:
        endpoint = ministack.endpoint
        sqs, secrets = client("sqs", endpoint), client("secretsmanager", endpoint)
        attributes = {"VisibilityTimeout": "360", "MessageRetentionPeriod": "1209600"}
        queue_url = sqs.create_queue(QueueName="our-own", Attributes=attributes)["QueueUrl"]
        queue = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        boundary = client("iam", endpoint).create_policy(PolicyName="boundary", PolicyDocument=json.dumps(EVERYTHING))
        given = {
            "AisaSecretArn": secrets.create_secret(Name="our-key", SecretString="sk-1")["ARN"],
            "WebhookSecretArn": secrets.create_secret(Name="our-sources", SecretString=json.dumps(SOURCES))["ARN"],
            "SourceQueueArn": queue,
            "AlarmTopicArn": client("sns", endpoint).create_topic(Name="our-pager")["TopicArn"],
            "KmsKeyArn": client("kms", endpoint).create_key()["KeyMetadata"]["Arn"],
            "PermissionsBoundaryArn": boundary["Policy"]["Arn"],
            "Tracing": "true",
            "Stage": "prod",
            "LogLevel": "DEBUG",
            "LogRetentionDays": "90",
        }
        build()
        deploy(endpoint, AisaBaseUrl=simulator.url, **given)
        yield Variant(describe(STACK, endpoint), simulator, queue_url, given)


def invoke(variant: Variant, function: str, event: dict[str, Any]) -> dict[str, Any]:
    return variant.stack.invoke(function)({"headers": {}, "requestContext": {"requestId": "r"}, **event})


def test_what_there_is_already_is_not_made(variant: Variant) -> None:
    made = {"AisaSecret", "WebhookSecret", "LikeQueue", "AlarmTopic"}

    assert not made & variant.stack.resources.keys()
    assert variant.stack.outputs["AisaSecretArn"] == variant.given["AisaSecretArn"]
    assert variant.stack.outputs["WebhookSecretArn"] == variant.given["WebhookSecretArn"]


def test_a_queue_of_ones_own_feeds_the_worker(variant: Variant) -> None:
    variant.stack.client("sqs").send_message(QueueUrl=variant.queue_url, MessageBody='{"tweet_id": "401"}')

    eventually(lambda: "401" in variant.simulator.likes["default"])


def test_a_caller_and_a_webhook_are_served_too(variant: Variant) -> None:
    like = {"routeKey": "POST /likes", "body": '{"tweet_id": "402"}'}
    hook = {
        "routeKey": "POST /webhooks/{source}",
        "headers": {"authorization": f"Bearer {DEMO_TOKEN}"},
        "pathParameters": {"source": "demo-token"},
        "body": '{"tweet_id": "403"}',
    }

    assert invoke(variant, "LikeFunction", like)["statusCode"] == 200
    assert invoke(variant, "WebhookFunction", hook)["statusCode"] == 202
    eventually(lambda: {"402", "403"} <= variant.simulator.likes["default"])


def test_the_given_settings_arrive(variant: Variant) -> None:
    stack, given = variant.stack, variant.given
    worker = stack.client("lambda").get_function_configuration(FunctionName=stack.resources["WorkerFunction"])
    queue = stack.client("sqs").get_queue_attributes(
        QueueUrl=stack.outputs["RejectedQueueUrl"], AttributeNames=["KmsMasterKeyId"]
    )["Attributes"]
    logs = stack.client("logs").describe_log_groups(logGroupNamePrefix=stack.resources["WorkerLogs"])["logGroups"]
    alarms = stack.client("cloudwatch").describe_alarms()["MetricAlarms"]
    tags = stack.client("lambda").list_tags(Resource=worker["FunctionArn"])["Tags"]

    assert worker["TracingConfig"]["Mode"] == "Active"
    assert worker["Environment"]["Variables"]["POWERTOOLS_LOG_LEVEL"] == "DEBUG"
    assert queue["KmsMasterKeyId"] == given["KmsKeyArn"]
    assert [group["retentionInDays"] for group in logs] == [90]
    assert {action for alarm in alarms for action in alarm["AlarmActions"]} == {given["AlarmTopicArn"]}
    assert tags["stage"] == "prod"


def test_what_the_emulator_can_not_run_is_deployed_all_the_same(variant: Variant) -> None:
    """Last, since with a reserve its event source hands nothing out, and it has no arm64."""
    stack = variant.stack
    functions, name = stack.client("lambda"), stack.resources["WorkerFunction"]
    assert stack.endpoint
    rest = {"ReservedConcurrency": "2", "Architecture": "arm64", "SnapStart": "true", "AisaKeyInBody": "true"}

    deploy(
        stack.endpoint, AisaBaseUrl=variant.simulator.url, AlarmEmail="on-call@example.com", **(variant.given | rest)
    )

    worker = functions.get_function_configuration(FunctionName=name, Qualifier="live")
    (source,) = functions.list_event_source_mappings(FunctionName=f"{name}:live")["EventSourceMappings"]
    mails = stack.client("sns").list_subscriptions_by_topic(TopicArn=variant.given["AlarmTopicArn"])["Subscriptions"]
    assert source["ScalingConfig"]["MaximumConcurrency"] == 2
    assert worker["Architectures"] == ["arm64"]
    assert worker["SnapStart"]["ApplyOn"] == "PublishedVersions"
    assert worker["Environment"]["Variables"]["AISA_KEY_IN_BODY"] == "true"
    assert [(each["Protocol"], each["Endpoint"]) for each in mails] == [("email", "on-call@example.com")]
