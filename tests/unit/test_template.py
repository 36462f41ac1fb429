"""What no linter sees in ``template.yaml``."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from cfnlint.decode import decode_str

TEMPLATE = Path(__file__).parents[2] / "template.yaml"

Template = dict[str, Any]

SECRET = {"secretsmanager:GetSecretValue"}
EXPECTED_ACTIONS = {
    "LikeFunction": SECRET | {"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "sqs:SendMessage"},
    "WorkerFunction": SECRET
    | {"dynamodb:PutItem", "dynamodb:UpdateItem"}
    | {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"}
    | {"sqs:SendMessage"},
}
COMMON = {
    "POWERTOOLS_SERVICE_NAME", "POWERTOOLS_LOG_LEVEL", "AISA_BASE_URL", "AISA_SECRET_ID", "AISA_KEY_IN_BODY",
    "STATE_TABLE", "LIKES_PER_WINDOW", "WINDOW_SECONDS", "LIKES_PER_DAY", "REMEMBER_DAYS", "LIKE_QUEUE_URL",
}  # fmt: skip
EXPECTED_ENVIRONMENT = {
    "LikeFunction": COMMON,
    "WorkerFunction": COMMON | {"REJECTED_QUEUE_URL", "GIVE_UP_AFTER_HOURS"},
}


@pytest.fixture(scope="module")
def template() -> Template:
    decoded, problems = decode_str(TEMPLATE.read_text())
    assert not problems
    result: Template = decoded
    return result


def properties(template: Template, resource: str) -> dict[str, Any]:
    found: dict[str, Any] = template["Resources"][resource]["Properties"]
    return found


def each_api_route_asks_for_credentials(template: Template) -> None:
    auth = properties(template, "LikesApi")["Auth"]
    assert auth == {"EnableIamAuthorizer": True, "DefaultAuthorizer": "AWS_IAM"}
    for event in properties(template, "LikeFunction")["Events"].values():
        assert "Auth" not in event["Properties"]


def the_queue_hides_messages_for_six_times_the_workers_timeout(template: Template) -> None:
    timeout = properties(template, "WorkerFunction")["Timeout"]
    assert properties(template, "LikeQueue")["VisibilityTimeout"] >= 6 * timeout


def the_worker_answers_for_each_message(template: Template) -> None:
    event = properties(template, "WorkerFunction")["Events"]["Queue"]["Properties"]
    assert event["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert event["BatchSize"] <= 10, "one call hides a batch of ten"


def the_queue_is_made_of_lanes(template: Template) -> None:
    queue = properties(template, "LikeQueue")
    assert queue["FifoQueue"]
    assert queue["DeduplicationScope"] == "messageGroup"
    assert queue["FifoThroughputLimit"] == "perMessageGroupId"
    assert queue["ContentBasedDeduplication"]
    assert queue["RedrivePolicy"]["maxReceiveCount"] == 1000


def rejected_messages_are_kept_as_long_as_waiting_ones_and_fit(template: Template) -> None:
    queue, rejected = properties(template, "LikeQueue"), properties(template, "RejectedQueue")
    assert rejected["MessageRetentionPeriod"] >= queue["MessageRetentionPeriod"] == 1_209_600
    assert rejected["MaximumMessageSize"] >= queue["MaximumMessageSize"] + 4_096


def each_role_may_do_what_it_needs_and_nothing_more(template: Template) -> None:
    for function, expected in EXPECTED_ACTIONS.items():
        (policy,) = properties(template, function)["Policies"]
        actions: list[str] = []
        for statement in policy["Statement"]:
            assert statement["Effect"] == "Allow"
            assert statement["Resource"] != "*"
            actions += [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
        assert set(actions) == expected
        assert len(actions) == len(expected)


def each_function_has_the_environment_that_its_code_reads(template: Template) -> None:
    common = set(template["Globals"]["Function"]["Environment"]["Variables"])
    for function, expected in EXPECTED_ENVIRONMENT.items():
        own = properties(template, function).get("Environment", {}).get("Variables", {})
        assert common | set(own) == expected


def data_and_secrets_outlive_the_stack(template: Template) -> None:
    for resource in ("StateTable", "LikeQueue", "RejectedQueue", "AisaSecret"):
        assert template["Resources"][resource]["DeletionPolicy"] == "Retain"
        assert template["Resources"][resource]["UpdateReplacePolicy"] == "Retain"


def no_update_overwrites_the_key(template: Template) -> None:
    assert properties(template, "AisaSecret").keys() == {"Description"}


def remove(*path: Any) -> Callable[[Template], None]:
    def edit(template: Template) -> None:
        place: Any = template["Resources"]
        for step in path[:-1]:
            place = place[step]
        del place[path[-1]]

    return edit


def change(value: Any, *path: Any) -> Callable[[Template], None]:
    def edit(template: Template) -> None:
        place: Any = template["Resources"]
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value

    return edit


QUEUE, WORKER = ("LikeQueue", "Properties"), ("WorkerFunction", "Properties")
RULES: list[tuple[Callable[[Template], None], Callable[[Template], None]]] = [
    (each_api_route_asks_for_credentials, remove("LikesApi", "Properties", "Auth", "DefaultAuthorizer")),
    (
        each_api_route_asks_for_credentials,
        change({"Authorizer": "NONE"}, "LikeFunction", "Properties", "Events", "Like", "Properties", "Auth"),
    ),
    (the_queue_hides_messages_for_six_times_the_workers_timeout, change(90, *QUEUE, "VisibilityTimeout")),
    (the_worker_answers_for_each_message, change([], *WORKER, "Events", "Queue", "Properties", "FunctionResponseTypes")),
    (the_queue_is_made_of_lanes, change("queue", *QUEUE, "DeduplicationScope")),
    (rejected_messages_are_kept_as_long_as_waiting_ones_and_fit, change(60, "RejectedQueue", "Properties", "MessageRetentionPeriod")),
    (each_role_may_do_what_it_needs_and_nothing_more, change("*", *WORKER, "Policies", 0, "Statement", 0, "Resource")),
    (each_role_may_do_what_it_needs_and_nothing_more, change("sqs:*", *WORKER, "Policies", 0, "Statement", 3, "Action")),
    (each_function_has_the_environment_that_its_code_reads, remove(*WORKER, "Environment")),
    (data_and_secrets_outlive_the_stack, change("Delete", "StateTable", "DeletionPolicy")),
    (no_update_overwrites_the_key, change("{}", "AisaSecret", "Properties", "SecretString")),
]  # fmt: skip


@pytest.mark.parametrize("rule", dict.fromkeys(rule for rule, _ in RULES), ids=lambda rule: rule.__name__)
def test_the_template_keeps(rule: Callable[[Template], None], template: Template) -> None:
    rule(template)


@pytest.mark.parametrize(("rule", "damage"), RULES, ids=lambda function: function.__name__)
def test_a_damaged_template_is_noticed_by(
    rule: Callable[[Template], None], damage: Callable[[Template], None], template: Template
) -> None:
    damaged = deepcopy(template)
    damage(damaged)

    with pytest.raises((AssertionError, KeyError)):
        rule(damaged)
