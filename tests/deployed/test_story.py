"""The whole story, told to the deployed service: like, queue, webhook, reject, hold, rotate."""

import json
import secrets
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from samcli.yamlhelper import yaml_parse

from local.build import PROJECT
from local.faults import Fault
from tests.deployed.conftest import Deployed, together

TEMPLATE = PROJECT / "template.yaml"

pytestmark = together
simulated, likes = pytest.mark.simulated, pytest.mark.likes


def eventually(condition: Callable[[], Any], *, seconds: float = 60) -> Any:
    """Return what `condition` returns once that is true."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} seconds"
        time.sleep(0.1)
    return found


def send(service: Deployed, body: str, *, account: str = "default") -> str:
    message: dict[str, str] = service.stack.client("sqs").send_message(
        QueueUrl=service.stack.outputs["LikeQueueUrl"],
        MessageGroupId=account,
        MessageDeduplicationId=secrets.token_hex(),  # also a second time within five minutes
        MessageBody=body,
    )
    return message["MessageId"]


def rejected(service: Deployed, message_id: str) -> dict[str, str] | None:
    """Return the attributes with which a message was rejected, once it was, and take it out of the queue."""
    sqs, url = service.stack.client("sqs"), service.stack.outputs["RejectedQueueUrl"]
    for message in sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"], MaxNumberOfMessages=10).get(
        "Messages", []
    ):
        attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        if attributes["SourceMessageId"] == message_id:
            return attributes
    return None


def release(service: Deployed) -> None:
    """Take the account's hold off, as the runbook says."""
    service.stack.client("dynamodb").update_item(
        TableName=service.stack.outputs["StateTableName"],
        Key={"pk": {"S": "account#default"}},
        UpdateExpression="REMOVE hold_until, hold_seconds, hold_kind, hold_reason ADD revision :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
    )


def is_liked(service: Deployed, tweet: str) -> bool:
    return bool(service.get(f"/likes/{tweet}").json().get("status") == "liked")


@likes
def test_a_like_is_made_and_remembered(service: Deployed, tweet: str) -> None:
    answer = service.post("/likes", {"tweet_id": tweet})

    assert (answer.status_code, answer.json()["liked"]) == (200, True)
    assert is_liked(service, tweet)
    assert service.post("/likes", {"tweet_id": tweet}).json()["cached"] is True


@simulated
def test_a_like_that_is_asked_for_twice_is_paid_for_once(service: Deployed, tweet: str) -> None:
    for _ in range(2):
        service.post("/likes", {"tweet_id": tweet})

    assert tweet in service.aisa.likes["default"]
    assert service.aisa.charges["default", tweet] == 1


@likes
def test_a_queued_like_is_made(service: Deployed, tweet: str) -> None:
    send(service, json.dumps({"tweet_id": tweet}))

    eventually(lambda: is_liked(service, tweet))


@likes
def test_a_like_that_may_wait_is_queued_and_made(service: Deployed, tweet: str) -> None:
    answer = service.post("/likes", {"tweet_id": tweet}, Prefer="respond-async")

    assert answer.status_code == 202
    eventually(lambda: service.get(answer.headers["Location"]).json().get("status") == "liked")


@likes
def test_a_webhook_is_queued_and_made(service: Deployed, tweet: str, source: tuple[str, str]) -> None:
    name, token = source

    # A new source is known within half a minute.
    eventually(lambda: service.hook(name, {"tweet_id": tweet}, token).status_code == 202)
    eventually(lambda: is_liked(service, tweet))


def test_a_webhook_of_nobody_is_refused(service: Deployed) -> None:
    answer = service.hook("nobody", {"tweet_id": "105"}, "token")

    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("not json", "invalid_json"),
        ('{"tweet_id": 106}', "tweet_id_not_a_string"),
        ('{"tweet_url": "https://t.co/a"}', "shortened_url"),
    ],
)
def test_what_can_never_be_liked_is_kept_with_its_reason(service: Deployed, body: str, reason: str) -> None:
    message_id = send(service, body)

    attributes = eventually(lambda: rejected(service, message_id))

    assert attributes["Reason"] == reason


def test_a_mistake_over_http_is_explained(service: Deployed) -> None:
    answer = service.post("/likes", {"tweet_id": 107})

    assert (answer.status_code, answer.json()["code"]) == (400, "tweet_id_not_a_string")


@simulated
def test_a_hold_is_for_everybody_until_it_is_taken_off(service: Deployed) -> None:
    service.aisa.misbehave(Fault.answer(402, ""))
    first = service.post("/likes", {"tweet_id": "108"})
    calls = len(service.aisa.calls)

    second = service.post("/likes", {"tweet_id": "109"})
    assert [answer.json()["code"] for answer in (first, second)] == ["balance_exhausted"] * 2
    assert len(service.aisa.calls) == calls, "the second was not even tried"

    release(service)
    assert service.post("/likes", {"tweet_id": "109"}).status_code == 200


@simulated
def test_a_rotated_key_is_taken_up_without_a_deployment(service: Deployed) -> None:
    service.aisa.replace_keys({"sk-rotated": "default"})
    service.stack.client("secretsmanager").put_secret_value(
        SecretId=service.stack.outputs["AisaSecretArn"], SecretString="sk-rotated"
    )

    assert service.post("/likes", {"tweet_id": "110"}).status_code == 200
    send(service, '{"tweet_id": "111"}')
    eventually(lambda: "111" in service.aisa.likes["default"])


@simulated
def test_the_queues_policy_refuses_what_does_not_come_over_tls(service: Deployed) -> None:
    """The emulator speaks plain http, so its stack is without the policies; here one is given to a queue that may go."""
    sqs = service.stack.client("sqs")
    url = sqs.create_queue(QueueName="tls-only")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="{}")
    policy = yaml_parse(TEMPLATE.read_text())["Resources"]["RejectedQueuePolicy"]["Properties"]["PolicyDocument"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy["Statement"][0]["Resource"] = arn

    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})

    with pytest.raises(ClientError, match="AccessDenied"):
        sqs.send_message(QueueUrl=url, MessageBody="{}")
