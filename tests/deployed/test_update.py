"""A new version goes out while likes come in, and in the end the stack goes and leaves what must stay."""

import threading
from collections.abc import Iterator

import pytest
import requests

from local.service import LocalService, local_service
from local.stack import deploy
from tests.deployed.conftest import together
from tests.deployed.test_story import eventually

pytestmark = [*together, pytest.mark.simulated]


@pytest.fixture(scope="module")
def local() -> Iterator[LocalService]:
    with local_service() as service:
        yield service


def test_an_update_under_traffic_loses_nothing_and_repeats_nothing(local: LocalService) -> None:
    assert local.simulator
    assert local.stack.endpoint
    answers: list[int] = []
    over = threading.Event()

    def send_likes() -> None:
        while len(answers) < 45 and not (over.wait(0.2) and len(answers) > 5):
            how = {"Prefer": "respond-async"} if len(answers) % 2 else {}
            like = {"tweet_id": str(len(answers) + 1)}
            answer = requests.post(f"{local.gateway.url}/likes", json=like, headers=how, timeout=60)
            answers.append(answer.status_code)

    traffic = threading.Thread(target=send_likes)
    traffic.start()
    deploy(local.stack.endpoint, AisaBaseUrl=local.simulator.url, LogLevel="DEBUG", LikesPerWindow="49")
    over.set()
    traffic.join()

    assert set(answers) <= {200, 202}
    wanted = {str(tweet) for tweet in range(1, len(answers) + 1)}
    eventually(lambda: local.simulator and local.simulator.likes["default"] == wanted)
    assert set(local.simulator.charges.values()) == {1}
    environment = local.stack.client("lambda").get_function_configuration(
        FunctionName=local.stack.resources["WorkerFunction"], Qualifier="live"
    )["Environment"]["Variables"]
    assert environment["LIKES_PER_WINDOW"] == "49"


def test_what_must_stay_outlives_the_stack(local: LocalService) -> None:
    stack = local.stack
    cloudformation = stack.client("cloudformation")

    cloudformation.delete_stack(StackName=stack.name)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=stack.name, WaiterConfig={"Delay": 1})

    assert not stack.client("lambda").list_functions()["Functions"]
    assert stack.client("dynamodb").describe_table(TableName=stack.outputs["StateTableName"])
    for queue in ("LikeQueueUrl", "RejectedQueueUrl"):
        assert stack.client("sqs").get_queue_attributes(QueueUrl=stack.outputs[queue])
    for secret in ("AisaSecretArn", "WebhookSecretArn"):
        assert stack.client("secretsmanager").get_secret_value(SecretId=stack.outputs[secret])["SecretString"]
