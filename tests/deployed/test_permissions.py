"""What the functions' roles let them do and keep them from, tried where policies are enforced: both ways.

Each permission is taken away in turn, and something must fail without it. What Lambda itself does in a role's name the
emulator does without asking; tests/unit/test_template.py holds those to AWS's own policies.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local.faults import Fault
from local.service import DEMO_TOKEN
from local.stack import Stack
from local.template import decide, read, translate
from tests.deployed.conftest import Deployed, together
from tests.deployed.test_story import eventually, release

pytestmark = [*together, pytest.mark.simulated]

Event = dict[str, Any]
FUNCTIONS = ("LikeFunction", "WebhookFunction", "WorkerFunction")


def event(route: str, **fields: Any) -> Event:
    return {"routeKey": route, "headers": {}, "requestContext": {"requestId": "r"}, **fields}


def webhook() -> Event:
    return event(
        "POST /webhooks/{source}",
        headers={"authorization": f"Bearer {DEMO_TOKEN}"},
        pathParameters={"source": "demo-token"},
        body='{"tweet_id": "20"}',
    )


def like(tweet: str, **headers: str) -> Event:
    return event("POST /likes", headers=headers, body=json.dumps({"tweet_id": tweet}))


def batch(body: str) -> Event:
    attributes = {
        "ApproximateReceiveCount": "1",
        "SentTimestamp": str(round(time.time() * 1000)),
        "MessageGroupId": "default",
    }
    record = {
        "messageId": "m",
        "receiptHandle": "r",
        "body": body,
        "attributes": attributes,
        "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:likes.fifo",
    }
    return {"Records": [record]}


def actions_of(statement: dict[str, Any]) -> list[str]:
    return [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]


@dataclass(frozen=True)
class Permission:
    """A permission, what needs it, what is written when it is missing, and how the gateway answers meanwhile, if badly."""

    function: str
    action: str
    event: Callable[[], Event]
    complaint: str
    fault: Fault | None = None


PERMISSIONS = [
    Permission("LikeFunction", "secretsmanager:GetSecretValue", lambda: like("201"), "secret_unreadable"),
    Permission("LikeFunction", "dynamodb:PutItem", lambda: like("202"), "ledger_unavailable"),
    Permission("LikeFunction", "dynamodb:UpdateItem", lambda: like("203"), "ledger_unavailable"),
    Permission(
        "LikeFunction",
        "dynamodb:GetItem",
        lambda: event("GET /likes/{tweet_id}", pathParameters={"tweet_id": "101"}),
        "ledger_unavailable",
    ),
    Permission("LikeFunction", "sqs:SendMessage", lambda: like("204", prefer="respond-async"), "send_failed"),
    Permission("WebhookFunction", "secretsmanager:GetSecretValue", webhook, "secret_unreadable"),
    Permission("WebhookFunction", "sqs:SendMessage", webhook, "send_failed"),
    Permission(
        "WorkerFunction", "secretsmanager:GetSecretValue", lambda: batch('{"tweet_id": "205"}'), "secret_unreadable"
    ),
    Permission("WorkerFunction", "dynamodb:PutItem", lambda: batch('{"tweet_id": "206"}'), "ledger_unavailable"),
    Permission("WorkerFunction", "dynamodb:UpdateItem", lambda: batch('{"tweet_id": "207"}'), "ledger_unavailable"),
    Permission("WorkerFunction", "sqs:SendMessage", lambda: batch("not json"), "reject_failed"),
    Permission(
        "WorkerFunction",
        "sqs:ChangeMessageVisibility",
        lambda: batch('{"tweet_id": "208"}'),
        "AccessDenied",
        Fault.answer(402, ""),
    ),
]
LAMBDAS_OWN = {
    *((function, action) for function in FUNCTIONS for action in ("logs:CreateLogStream", "logs:PutLogEvents")),
    ("WorkerFunction", "sqs:ReceiveMessage"),
    ("WorkerFunction", "sqs:DeleteMessage"),
    ("WorkerFunction", "sqs:GetQueueAttributes"),
}


def test_each_permission_is_tried_but_what_lambda_itself_needs() -> None:
    granted = {
        (function, action)
        for function in FUNCTIONS
        for policy in decide(translate(read()), {})["Resources"][f"{function}Role"]["Properties"]["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
        for action in actions_of(statement)
    }

    assert granted == {(each.function, each.action) for each in PERMISSIONS} | LAMBDAS_OWN


@contextmanager
def policies_of(service: Deployed, function: str, edit: Callable[[dict[str, Any]], None]) -> Iterator[None]:
    """Edit the statements of a role's own policies, and put them back in the end; no environment is kept warm."""
    iam, role = service.stack.client("iam"), service.stack.resources[f"{function}Role"]
    before = {
        name: iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
    }
    try:
        for name, document in before.items():
            edited = json.loads(json.dumps(document))
            edit(edited)
            iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(edited))
        restart(service, function)
        yield
    finally:
        for name, document in before.items():
            iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))
        restart(service, function)


def restart(service: Deployed, function: str, **variables: str) -> None:
    """Give a function's newest version a fresh execution environment."""
    functions, name = service.stack.client("lambda"), service.stack.resources[function]
    environment = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    environment |= {"RESTARTED": str(time.monotonic()), **variables}
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": environment})


def without(action: str) -> Callable[[dict[str, Any]], None]:
    gone = {action, f"{action}Batch"}

    def edit(document: dict[str, Any]) -> None:
        for statement in document["Statement"]:
            statement["Action"] = [each for each in actions_of(statement) if each not in gone] or [
                "sts:GetCallerIdentity"
            ]

    return edit


@pytest.mark.parametrize("permission", PERMISSIONS, ids=lambda each: f"{each.function} {each.action}")
def test_no_permission_is_spare(service: Deployed, permission: Permission) -> None:
    invoke = service.stack.invoke(permission.function, "$LATEST")

    def complains() -> bool:
        since = round(time.time() * 1000)
        if permission.fault:
            service.aisa.misbehave(permission.fault)
        invoke(permission.event())
        release(service)  # some leave a hold on the account
        return any(permission.complaint in line for _, line in service.stack.logs(since))

    with policies_of(service, permission.function, without(permission.action)):
        assert complains()
    eventually(lambda: not complains())


@dataclass(frozen=True)
class Attempt:
    """Something that somebody who has broken into a function may try, and the functions that may do it."""

    what: str
    service: str
    operation: str
    arguments: Callable[[Stack], dict[str, Any]]
    allowed: frozenset[str] = frozenset()


def key_of(stack: Stack) -> dict[str, Any]:
    return {"TableName": stack.outputs["StateTableName"], "Key": {"pk": {"S": "account#default"}}}


def message(stack: Stack, queue: str) -> dict[str, Any]:
    source = {"SourceMessageId": {"DataType": "String", "StringValue": "none"}}
    lane = {"MessageGroupId": "default", "MessageDeduplicationId": queue}
    return {
        "QueueUrl": stack.outputs[queue],
        "MessageBody": '{"tweet_id": "20"}',
        "MessageAttributes": source,
        **lane,
    }


LIKE, WEBHOOK, WORKER = FUNCTIONS
ATTEMPTS = [
    Attempt(
        "read the key",
        "secretsmanager",
        "get_secret_value",
        lambda stack: {"SecretId": stack.outputs["AisaSecretArn"]},
        frozenset({LIKE, WORKER}),
    ),
    Attempt(
        "read the sources",
        "secretsmanager",
        "get_secret_value",
        lambda stack: {"SecretId": stack.outputs["WebhookSecretArn"]},
        frozenset({WEBHOOK}),
    ),
    Attempt(
        "change the key",
        "secretsmanager",
        "put_secret_value",
        lambda stack: {"SecretId": stack.outputs["AisaSecretArn"], "SecretString": "sk-of-somebody-else"},
    ),
    Attempt(
        "add a source",
        "secretsmanager",
        "put_secret_value",
        lambda stack: {"SecretId": stack.outputs["WebhookSecretArn"], "SecretString": "{}"},
    ),
    Attempt("read the ledger", "dynamodb", "get_item", key_of, frozenset({LIKE})),
    Attempt("read all of the ledger", "dynamodb", "scan", lambda stack: {"TableName": stack.outputs["StateTableName"]}),
    Attempt("forget a like", "dynamodb", "delete_item", key_of),
    Attempt("queue", "sqs", "send_message", lambda stack: message(stack, "LikeQueueUrl"), frozenset({LIKE, WEBHOOK})),
    Attempt("reject", "sqs", "send_message", lambda stack: message(stack, "RejectedQueueUrl"), frozenset({WORKER})),
    Attempt(
        "receive",
        "sqs",
        "receive_message",
        lambda stack: {"QueueUrl": stack.outputs["LikeQueueUrl"], "VisibilityTimeout": 0},
        frozenset({WORKER}),
    ),
    Attempt(
        "receive what was rejected",
        "sqs",
        "receive_message",
        lambda stack: {"QueueUrl": stack.outputs["RejectedQueueUrl"], "VisibilityTimeout": 0},
    ),
    Attempt("empty the queue", "sqs", "purge_queue", lambda stack: {"QueueUrl": stack.outputs["LikeQueueUrl"]}),
    Attempt("read the log", "logs", "filter_log_events", lambda stack: {"logGroupName": stack.resources["WorkerLogs"]}),
    Attempt("call a function", "lambda", "invoke", lambda stack: {"FunctionName": stack.resources[WORKER]}),
    Attempt(
        "change a function",
        "lambda",
        "update_function_configuration",
        lambda stack: {"FunctionName": stack.resources[WEBHOOK], "Timeout": 900},
    ),
    Attempt(
        "be allowed more",
        "iam",
        "attach_role_policy",
        lambda stack: {
            "RoleName": stack.resources[f"{WEBHOOK}Role"],
            "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess",
        },
    ),
]


@pytest.fixture(scope="module")
def credentials(service: Deployed) -> dict[str, dict[str, str]]:
    """Each function's, as somebody has them who has broken into it."""
    iam, sts = service.stack.client("iam"), service.stack.client("sts")
    owner = {"AWS": sts.get_caller_identity()["Arn"]}
    found = {}
    for function in FUNCTIONS:
        role = iam.get_role(RoleName=service.stack.resources[f"{function}Role"])["Role"]
        trust = role["AssumeRolePolicyDocument"]
        ours = {"Effect": "Allow", "Principal": owner, "Action": "sts:AssumeRole"}
        for statements in ([*trust["Statement"], ours], trust["Statement"]):
            iam.update_assume_role_policy(
                RoleName=role["RoleName"], PolicyDocument=json.dumps({**trust, "Statement": statements})
            )
            if ours in statements:
                found[function] = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="intruder")["Credentials"]
    return found


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=lambda each: each.what)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_whoever_breaks_into_a_function_can_do_its_work_and_no_more(
    service: Deployed, credentials: dict[str, dict[str, str]], function: str, attempt: Attempt
) -> None:
    client = boto3.client(
        attempt.service,  # type: ignore[call-overload]  # the stubs know each service by its literal name
        endpoint_url=service.stack.endpoint,
        aws_access_key_id=credentials[function]["AccessKeyId"],
        aws_secret_access_key=credentials[function]["SecretAccessKey"],
        aws_session_token=credentials[function]["SessionToken"],
    )
    call = getattr(client, attempt.operation)

    if function in attempt.allowed:
        call(**attempt.arguments(service.stack))
    else:
        with pytest.raises(ClientError, match="AccessDenied"):
            call(**attempt.arguments(service.stack))
