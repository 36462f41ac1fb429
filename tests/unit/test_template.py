"""What no linter sees in ``template.yaml``."""

import json
import re
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from cfnlint.decode import decode_str
from moto.iam.aws_managed_policies import aws_managed_policies_data

from likes import liking, observability
from likes.lanes import LAST_HOURS
from likes.queues import LONGEST_VISIBILITY_SECONDS

TEMPLATE = Path(__file__).parents[2] / "template.yaml"

Template = dict[str, Any]

FUNCTIONS = ("LikeFunction", "WebhookFunction", "WorkerFunction")
NAMESPACE = "TweetLikes"
AWS_METRICS = {
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
    ("AWS/SQS", "ApproximateAgeOfOldestMessage"),
    ("AWS/ApiGateway", "5xx"),
    ("AWS/Lambda", "Errors"),
    ("AWS/Lambda", "Throttles"),
}
OWN_METRICS = {
    *observability._COUNTS.values(),  # noqa: SLF001 - the table itself
    *re.findall(r'add_metric\("(\w+)"', Path(observability.__file__).read_text()),
    "WebhookAccepted",
    "WebhookRefused",
}
SECRET_ARN, QUEUE_ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret", "arn:aws:sqs:eu-west-1:123456789012"
SECRET = {"secretsmanager:GetSecretValue"}
KEY = {"kms:Decrypt", "kms:GenerateDataKey"}
LOG = {"logs:CreateLogStream", "logs:PutLogEvents"}
TRACE = {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}
# What Lambda itself does with the worker's role, and what the worker does.
CONSUME = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ChangeMessageVisibility"}
EXPECTED_PERMISSIONS = {
    "LikeFunction": {
        "LikeLogs": LOG,
        "AisaSecret": SECRET,
        "StateTable": {"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"},
        "LikeQueue": {"sqs:SendMessage"},
    },
    "WebhookFunction": {"WebhookLogs": LOG, "WebhookSecret": SECRET, "LikeQueue": {"sqs:SendMessage"}},
    "WorkerFunction": {
        "WorkerLogs": LOG,
        "AisaSecret": SECRET,
        "StateTable": {"dynamodb:PutItem", "dynamodb:UpdateItem"},
        "LikeQueue": CONSUME,
        "RejectedQueue": {"sqs:SendMessage"},
    },
}
GIVEN = {"AisaSecret": "AisaSecretArn", "WebhookSecret": "WebhookSecretArn", "LikeQueue": "SourceQueueArn"}
ONLY_IF: dict[str, tuple[str, set[str]]] = {"HasKey": ("KmsKeyArn", KEY), "Traces": ("*", TRACE)}
COMMON = {
    "POWERTOOLS_SERVICE_NAME", "POWERTOOLS_LOG_LEVEL", "AISA_BASE_URL", "AISA_SECRET_ID", "AISA_KEY_IN_BODY",
    "STATE_TABLE", "LIKES_PER_WINDOW", "WINDOW_SECONDS", "LIKES_PER_DAY", "REMEMBER_DAYS", "LIKE_QUEUE_URL",
}  # fmt: skip
EXPECTED_ENVIRONMENT = {
    "LikeFunction": COMMON,
    "WebhookFunction": COMMON | {"WEBHOOK_SECRET_ID"},
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


def each_api_route_asks_for_credentials_but_the_webhooks(template: Template) -> None:
    auth = properties(template, "LikesApi")["Auth"]
    assert auth == {"EnableIamAuthorizer": True, "DefaultAuthorizer": "AWS_IAM"}
    open_routes = [
        f"{event['Properties']['Method']} {event['Properties']['Path']}"
        for resource in template["Resources"].values()
        for event in resource.get("Properties", {}).get("Events", {}).values()
        if event["Type"] == "HttpApi" and "Auth" in event["Properties"]
    ]
    assert open_routes == ["POST /webhooks/{source}"]


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
    assert rejected["MessageRetentionPeriod"] == 1_209_600 > queue["MessageRetentionPeriod"] > LAST_HOURS * 3_600
    assert rejected["MaximumMessageSize"] >= queue["MaximumMessageSize"] + 4_096


def statements(template: Template, function: str) -> dict[str | None, list[dict[str, Any]]]:
    """Return what a function's role lets it do, always (None) and on a condition."""
    (policy,) = properties(template, f"{function}Role")["Policies"]
    found: dict[str | None, list[dict[str, Any]]] = {}
    for statement in policy["PolicyDocument"]["Statement"]:
        condition, granted, otherwise = statement.get("Fn::If", [None, statement, {"Ref": "AWS::NoValue"}])
        assert otherwise == {"Ref": "AWS::NoValue"}
        found.setdefault(condition, []).append(granted)
    return found


def permissions(granted: list[dict[str, Any]]) -> dict[str, set[str]]:
    """Return what may be done to what; a resource that is made or given by the logical id it is made with."""
    found: dict[str, set[str]] = {}
    for statement in granted:
        assert statement["Effect"] == "Allow"
        name = re.search(r'"(?:Ref|Fn::GetAtt)": \[?"(\w+)"', json.dumps(statement["Resource"]))
        actions = [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
        resource = name[1] if name else statement["Resource"]
        assert resource not in found
        found[resource] = set(actions)
    return found


def each_role_may_do_what_it_needs_and_nothing_more(template: Template) -> None:
    for function, expected in EXPECTED_PERMISSIONS.items():
        assert properties(template, function)["Role"] == {"Fn::GetAtt": [f"{function}Role", "Arn"]}
        # SAM adds managed policies to the roles that it makes: every log group, every queue.
        assert "ManagedPolicyArns" not in properties(template, f"{function}Role")
        granted = statements(template, function)
        assert granted.keys() == {None, *ONLY_IF}
        assert permissions(granted[None]) == expected
        for condition, (resource, actions) in ONLY_IF.items():
            assert permissions(granted[condition]) == {resource: actions}


def each_function_has_the_environment_that_its_code_reads(template: Template) -> None:
    common = set(template["Globals"]["Function"]["Environment"]["Variables"])
    for function, expected in EXPECTED_ENVIRONMENT.items():
        own = properties(template, function).get("Environment", {}).get("Variables", {})
        assert common | set(own) == expected


def data_and_secrets_outlive_the_stack(template: Template) -> None:
    for resource in ("StateTable", "LikeQueue", "RejectedQueue", "AisaSecret", "WebhookSecret"):
        assert template["Resources"][resource]["DeletionPolicy"] == "Retain"
        assert template["Resources"][resource]["UpdateReplacePolicy"] == "Retain"


def no_update_overwrites_the_key(template: Template) -> None:
    for secret in ("AisaSecret", "WebhookSecret"):
        assert properties(template, secret).keys() == {"Description", "KmsKeyId", "Tags"}


def what_is_given_takes_the_place_of_what_would_be_made(template: Template) -> None:
    for function in FUNCTIONS:
        for statement in statements(template, function)[None]:
            if isinstance(statement["Resource"], dict) and "Fn::If" in statement["Resource"]:
                condition, made, otherwise = statement["Resource"]["Fn::If"]
                name = made["Fn::GetAtt"][0]
                assert (condition, otherwise) == (f"Create{name}", {"Ref": GIVEN[name]}), function


def each_parameter_is_explained_grouped_and_used(template: Template) -> None:
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    grouped = [parameter for group in groups for parameter in group["Parameters"]]
    assert sorted(grouped) == sorted(template["Parameters"])
    parts = deepcopy([template[part] for part in ("Conditions", "Globals", "Resources", "Outputs")])
    for resource in parts[2].values():
        resource["Properties"].pop("VersionDescription", None)  # repeats values that are used elsewhere
    used = json.dumps(parts)
    for name, parameter in template["Parameters"].items():
        assert parameter["Description"]
        assert "AllowedPattern" in parameter or "AllowedValues" in parameter or "MinValue" in parameter
        assert f'{{"Ref": "{name}"}}' in used or f"${{{name}}}" in used, name


def each_queue_wants_tls(template: Template) -> None:
    for queue in ("LikeQueue", "RejectedQueue"):
        policy = properties(template, f"{queue}Policy")
        assert policy["Queues"] == [{"Ref": queue}]
        (statement,) = policy["PolicyDocument"]["Statement"]
        assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "sqs:*")
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def only_what_feeds_the_worker_may_redrive_to_the_rejected_queue(template: Template) -> None:
    policy = properties(template, "RejectedQueue")["RedriveAllowPolicy"]
    assert policy["redrivePermission"] == "byQueue"
    condition, made, given = policy["sourceQueueArns"][0]["Fn::If"]
    assert (condition, given) == ("CreateLikeQueue", {"Ref": "SourceQueueArn"})
    # Built from the queue's name: the queue refers to this one already.
    name, parts = properties(template, "LikeQueue")["QueueName"]["Fn::Sub"]
    assert made["Fn::Sub"] == [f"arn:${{AWS::Partition}}:sqs:${{AWS::Region}}:${{AWS::AccountId}}:{name}", parts]


def each_log_is_kept_for_a_time(template: Template) -> None:
    groups = {name for name, each in template["Resources"].items() if each["Type"] == "AWS::Logs::LogGroup"}
    written = {properties(template, function)["LoggingConfig"]["LogGroup"]["Ref"] for function in FUNCTIONS}
    written.add(properties(template, "LikesApi")["AccessLogSettings"]["DestinationArn"]["Fn::GetAtt"][0])
    assert written == groups
    for name in groups:
        assert properties(template, name)["RetentionInDays"] == {"Ref": "LogRetentionDays"}


def everything_is_tagged_with_the_stage(template: Template) -> None:
    untaggable = {
        "AWS::CloudWatch::Dashboard",
        "AWS::Serverless::Function",  # tagged by the globals
        "AWS::SNS::Subscription",
        "AWS::SNS::TopicPolicy",
        "AWS::SQS::QueuePolicy",
    }
    assert template["Globals"]["Function"]["Tags"] == {"stage": {"Ref": "Stage"}}
    for name, resource in template["Resources"].items():
        if resource["Type"] not in untaggable:
            tags = resource["Properties"]["Tags"]
            assert tags in ({"stage": {"Ref": "Stage"}}, [{"Key": "stage", "Value": {"Ref": "Stage"}}]), name


def each_output_is_explained(template: Template) -> None:
    assert all(output["Description"] for output in template["Outputs"].values())
    next_steps = {"ApiUrl", "ApiArn", "WebhookUrl", "LikeQueueUrl", "LikeQueueArn", "AisaSecretArn", "WebhookSecretArn"}
    watching = {"RejectedQueueUrl", "StateTableName", "DashboardUrl", "AlarmTopicArn"}
    assert template["Outputs"].keys() == next_steps | watching


def the_access_log_tells_no_path_and_no_header(template: Template) -> None:
    line = json.loads(properties(template, "LikesApi")["AccessLogSettings"]["Format"])
    assert {"requestId", "time", "routeKey", "status"} <= line.keys()
    assert not [value for value in line.values() if re.search(r"path|header|query|authorizer", value, re.IGNORECASE)]


def alarms(template: Template) -> dict[str, dict[str, Any]]:
    return {
        name: resource["Properties"]
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
    }


def metrics_of(alarm: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the metrics an alarm looks at."""
    return [part["MetricStat"]["Metric"] for part in alarm.get("Metrics", []) if "MetricStat" in part] or [alarm]


def runbook() -> dict[str, str]:
    """Return the sections of the runbook, each by the anchor that leads to it."""
    _, *sections = re.split(r"^## (.+)$", (TEMPLATE.parent / "docs" / "runbook.md").read_text(), flags=re.MULTILINE)
    anchors = [re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in sections[::2]]
    return dict(zip(anchors, sections[1::2], strict=True))


def each_alarm_tells_somebody_what_to_do(template: Template) -> None:
    topic = {"Fn::If": ["CreateAlarmTopic", {"Ref": "AlarmTopic"}, {"Ref": "AlarmTopicArn"}]}
    sections = runbook()
    for name, alarm in alarms(template).items():
        assert alarm["AlarmActions"] == [topic], name
        command = re.search(r"`(.+)`", alarm["AlarmDescription"])
        anchor = re.search(r"See docs/runbook\.md#([a-z0-9-]+)\.$", alarm["AlarmDescription"])
        assert command, name
        assert anchor, name
        section = sections[anchor[1]]
        assert name in re.findall(r"\w+Alarm", section), "the section tells which alarm it is for"
        assert command[1] in "".join(re.findall(r"```console\n(.*?)```", section, re.DOTALL)), name


def no_alarm_rings_when_nothing_happens(template: Template) -> None:
    for name, alarm in alarms(template).items():
        assert alarm["TreatMissingData"] == "notBreaching", name
        assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold", name
        threshold = alarm["Threshold"]
        least = template["Parameters"][threshold["Ref"]]["MinValue"] if isinstance(threshold, dict) else threshold
        assert least >= 1, name


def each_alarm_looks_at_a_metric_that_there_is(template: Template) -> None:
    sources = "".join(path.read_text() for path in (TEMPLATE.parent / "src" / "likes").glob("*.py"))
    for name, alarm in alarms(template).items():
        for metric in metrics_of(alarm):
            dimensions = {dimension["Name"]: dimension["Value"] for dimension in metric["Dimensions"]}
            if metric["Namespace"] == NAMESPACE:
                assert dimensions.keys() == {"service", "trigger"}, name
                assert (
                    dimensions["service"]
                    == template["Globals"]["Function"]["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]
                )
                assert f'TRIGGER: Final = "{dimensions["trigger"]}"' in sources, name
                assert metric["MetricName"] in OWN_METRICS, name
            else:
                assert (metric["Namespace"], metric["MetricName"]) in AWS_METRICS, name


def no_alarm_stops_its_own_mending(template: Template) -> None:
    for function in FUNCTIONS:
        deployment = properties(template, function)["DeploymentPreference"]
        (reference,) = deployment["Alarms"]
        alarm = alarms(template)[reference["Ref"]]
        version = {"Fn::GetAtt": [function, "Version.Version"]}
        dimensions = {dimension["Name"]: dimension["Value"] for dimension in alarm["Dimensions"]}
        assert dimensions["ExecutedVersion"] == version
        assert dimensions["Resource"] == {"Fn::Sub": f"${{{function}}}:live"}
        # An alarm that is only changed keeps its state for a minute, and one that rings stops a deployment at its start.
        assert version in alarm["AlarmName"]["Fn::Join"][1], "another name is another alarm"


def an_alarm_over_several_metrics_counts_what_is_missing_as_nothing(template: Template) -> None:
    for name, alarm in alarms(template).items():
        expressions = [part["Expression"] for part in alarm.get("Metrics", []) if "Expression" in part]
        if len(metrics_of(alarm)) > 1:
            (expression,) = expressions
            assert re.search(r"SUM\(FILL\(METRICS\(", expression), name
            assert "+" not in expression, "a sum of two series ends where either does"


def no_alarm_is_over_before_its_cause(template: Template) -> None:
    longest_waits = {
        "BlockedAlarm": liking._BLOCKED_SECONDS[1],  # noqa: SLF001 - the longest wait between two tries
        "SpendingCapAlarm": LONGEST_VISIBILITY_SECONDS,
    }
    for name, seconds in longest_waits.items():
        alarm = alarms(template)[name]
        period = max(part["MetricStat"]["Period"] for part in alarm["Metrics"] if "MetricStat" in part)
        assert alarm["DatapointsToAlarm"] == 1
        assert seconds + period < period * alarm["EvaluationPeriods"] <= 86_400, name


def parameters_in(template: Template, value: Any) -> set[str]:
    """Return the parameters that a value depends on, its conditions included."""
    text = json.dumps(value)
    conditions = [each for name, each in template["Conditions"].items() if f'["{name}", ' in text]
    text += json.dumps(conditions)
    return {name for name in template["Parameters"] if f'{{"Ref": "{name}"}}' in text or f"${{{name}}}" in text}


def a_new_value_of_a_parameter_makes_a_new_version_where_it_changes_the_function(template: Template) -> None:
    shared = template["Globals"]["Function"]
    assert shared["AutoPublishAliasAllProperties"] is True
    for function in FUNCTIONS:
        own = properties(template, function)
        changes = parameters_in(template, [{**shared, "Tags": {}}, own.get("Environment")])
        if function == "WebhookFunction":
            changes -= {"AisaSecretArn"}  # it is told, and may not read it
        assert parameters_in(template, own["VersionDescription"]) == changes


def longest(template: Template, value: Any) -> int:
    """Return how many characters a value can have at most."""
    match value:
        case {"Fn::If": [_, one, other]}:
            return max(longest(template, one), longest(template, other))
        case {"Fn::Join": [separator, parts]}:
            return sum(longest(template, part) for part in parts) + len(separator) * (len(parts) - 1)
        case {"Fn::Select": [index, {"Fn::Split": [separator, {"Ref": name}]}]}:
            return width(template["Parameters"][name]["AllowedPattern"].split(separator)[index])
        case {"Ref": name}:
            parameter = template["Parameters"][name]
            if "AllowedValues" in parameter:
                return max(map(len, parameter["AllowedValues"]))
            return parameter.get("MaxLength") or width(parameter["AllowedPattern"])
    return len(value)


def width(pattern: str) -> int:
    """Return how many characters a pattern takes at most."""
    most: int = re._parser.parse(pattern).getwidth()[1]  # type: ignore[attr-defined]  # noqa: SLF001 - nobody else knows
    return most


def the_text_that_makes_a_version_fits_what_lambda_takes(template: Template) -> None:
    for function in FUNCTIONS:
        text, parts = properties(template, function)["VersionDescription"]["Fn::Sub"]
        names = re.findall(r"\$\{(\w+)\}", text)
        fixed = len(re.sub(r"\$\{\w+\}", "", text))
        assert fixed + sum(longest(template, parts.get(name, {"Ref": name})) for name in names) <= 256


def the_worker_has_no_more_pollers_than_room(template: Template) -> None:
    worker = properties(template, "WorkerFunction")
    room = {"Ref": "ReservedConcurrency"}
    nothing = {"Ref": "AWS::NoValue"}
    assert worker["ReservedConcurrentExecutions"] == {"Fn::If": ["HasConcurrency", room, nothing]}
    scaling = worker["Events"]["Queue"]["Properties"]["ScalingConfig"]
    assert scaling == {"Fn::If": ["HasConcurrency", {"MaximumConcurrency": room}, nothing]}


def a_key_is_used_through_the_services_only(template: Template) -> None:
    for function, services in {
        "LikeFunction": {"dynamodb", "secretsmanager", "sqs"},
        "WebhookFunction": {"secretsmanager", "sqs"},
        "WorkerFunction": {"dynamodb", "secretsmanager", "sqs"},
    }.items():
        (statement,) = statements(template, function)["HasKey"]
        through = statement["Condition"]["StringLike"]["kms:ViaService"]
        assert {each["Fn::Sub"] for each in through} == {f"{service}.${{AWS::Region}}.*" for service in services}


def each_role_has_the_boundary(template: Template) -> None:
    boundary = {"Fn::If": ["HasBoundary", {"Ref": "PermissionsBoundaryArn"}, {"Ref": "AWS::NoValue"}]}
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::IAM::Role":
            assert resource["Properties"]["PermissionsBoundary"] == boundary, name
    for function in FUNCTIONS:  # else SAM makes roles without one
        assert "Role" in properties(template, function)
        assert properties(template, function)["DeploymentPreference"]["Role"] == {
            "Fn::GetAtt": ["DeploymentRole", "Arn"]
        }


def everything_is_encrypted_with_the_owners_key_if_there_is_one(template: Template) -> None:
    names = {
        "AWS::SQS::Queue": "KmsMasterKeyId",
        "AWS::SNS::Topic": "KmsMasterKeyId",
        "AWS::Logs::LogGroup": "KmsKeyId",
        "AWS::SecretsManager::Secret": "KmsKeyId",
        "AWS::DynamoDB::Table": "SSESpecification",
    }
    for name, resource in template["Resources"].items():
        if resource["Type"] in names:
            assert '{"Ref": "KmsKeyArn"}' in json.dumps(resource["Properties"][names[resource["Type"]]]), name
        if resource["Type"] == "AWS::SQS::Queue":
            sse = {"Fn::If": ["HasKey", {"Ref": "AWS::NoValue"}, True]}
            assert resource["Properties"]["SqsManagedSseEnabled"] == sse, name


def the_api_is_throttled_and_its_open_route_apart(template: Template) -> None:
    api = properties(template, "LikesApi")
    assert api["DefaultRouteSettings"]["ThrottlingRateLimit"] <= 50
    assert api["RouteSettings"]["POST /webhooks/{source}"]["ThrottlingRateLimit"] <= 20


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


ALARM = ("BlockedAlarm", "Properties")
QUEUE, WORKER = ("LikeQueue", "Properties"), ("WorkerFunction", "Properties")
WORKER_MAY = ("WorkerFunctionRole", "Properties", "Policies", 0, "PolicyDocument", "Statement")
RULES: list[tuple[Callable[[Template], None], Callable[[Template], None]]] = [
    (each_api_route_asks_for_credentials_but_the_webhooks, remove("LikesApi", "Properties", "Auth", "DefaultAuthorizer")),
    (
        each_api_route_asks_for_credentials_but_the_webhooks,
        change({"Authorizer": "NONE"}, "LikeFunction", "Properties", "Events", "Like", "Properties", "Auth"),
    ),
    (the_queue_hides_messages_for_six_times_the_workers_timeout, change(90, *QUEUE, "VisibilityTimeout")),
    (the_worker_answers_for_each_message, change([], *WORKER, "Events", "Queue", "Properties", "FunctionResponseTypes")),
    (the_queue_is_made_of_lanes, change("queue", *QUEUE, "DeduplicationScope")),
    (rejected_messages_are_kept_as_long_as_waiting_ones_and_fit, change(60, "RejectedQueue", "Properties", "MessageRetentionPeriod")),
    (each_role_may_do_what_it_needs_and_nothing_more, change("*", *WORKER_MAY, 0, "Resource")),
    (each_role_may_do_what_it_needs_and_nothing_more, change("sqs:*", *WORKER_MAY, 3, "Action")),
    (each_role_may_do_what_it_needs_and_nothing_more, remove(*WORKER, "Role")),
    (each_role_may_do_what_it_needs_and_nothing_more, change(["arn:aws:iam::aws:policy/AmazonSQSFullAccess"], "WorkerFunctionRole", "Properties", "ManagedPolicyArns")),
    (each_function_has_the_environment_that_its_code_reads, remove(*WORKER, "Environment")),
    (data_and_secrets_outlive_the_stack, change("Delete", "StateTable", "DeletionPolicy")),
    (no_update_overwrites_the_key, change("{}", "AisaSecret", "Properties", "SecretString")),
    (what_is_given_takes_the_place_of_what_would_be_made, change({"Ref": "WebhookSecretArn"}, *WORKER_MAY, 1, "Resource", "Fn::If", 2)),
    (each_parameter_is_explained_grouped_and_used, lambda template: template["Parameters"]["Stage"].pop("Description")),
    (each_queue_wants_tls, remove("RejectedQueuePolicy")),
    (only_what_feeds_the_worker_may_redrive_to_the_rejected_queue, remove("RejectedQueue", "Properties", "RedriveAllowPolicy")),
    (each_log_is_kept_for_a_time, remove("WorkerLogs", "Properties", "RetentionInDays")),
    (each_log_is_kept_for_a_time, remove(*WORKER, "LoggingConfig")),
    (everything_is_tagged_with_the_stage, remove("StateTable", "Properties", "Tags")),
    (each_output_is_explained, lambda template: template["Outputs"]["ApiUrl"].pop("Description")),
    (each_output_is_explained, lambda template: template["Outputs"].pop("LikeQueueUrl")),
    (the_access_log_tells_no_path_and_no_header, change('{"path": "$context.path"}', "LikesApi", "Properties", "AccessLogSettings", "Format")),
    (each_alarm_tells_somebody_what_to_do, change([], *ALARM, "AlarmActions")),
    (each_alarm_tells_somebody_what_to_do, change("Type `likectl doctor`. See docs/runbook.md#elsewhere.", *ALARM, "AlarmDescription")),
    (each_alarm_tells_somebody_what_to_do, change("Type `ls`. See docs/runbook.md#an-account-is-blocked.", *ALARM, "AlarmDescription")),
    (each_alarm_tells_somebody_what_to_do, change("Type `likectl doctor`. See docs/runbook.md#the-api-answers-5xx.", *ALARM, "AlarmDescription")),
    (no_alarm_rings_when_nothing_happens, change("breaching", *ALARM, "TreatMissingData")),
    (no_alarm_rings_when_nothing_happens, change(0, *ALARM, "Threshold")),
    (each_alarm_looks_at_a_metric_that_there_is, change("WebhookRefusals", "WebhookRefusedAlarm", "Properties", "Namespace")),
    (each_alarm_looks_at_a_metric_that_there_is, change("web", "WebhookRefusedAlarm", "Properties", "Dimensions", 1, "Value")),
    (each_alarm_looks_at_a_metric_that_there_is, change("WebhookRefusals", "WebhookRefusedAlarm", "Properties", "MetricName")),
    (no_alarm_stops_its_own_mending, change([{"Ref": "RejectedAlarm"}], *WORKER, "DeploymentPreference", "Alarms")),
    (no_alarm_stops_its_own_mending, remove("NewWorkerVersionAlarm", "Properties", "AlarmName")),
    (an_alarm_over_several_metrics_counts_what_is_missing_as_nothing, change("http + queue", *ALARM, "Metrics", 0, "Expression")),
    (no_alarm_is_over_before_its_cause, change(13, "SpendingCapAlarm", "Properties", "EvaluationPeriods")),
    (
        a_new_value_of_a_parameter_makes_a_new_version_where_it_changes_the_function,
        change({"Fn::Sub": "${AisaBaseUrl} ${LikesPerDay}"}, *WORKER, "VersionDescription"),
    ),
    (
        a_new_value_of_a_parameter_makes_a_new_version_where_it_changes_the_function,
        lambda template: template["Resources"]["LikeFunction"]["Properties"].update(
            VersionDescription=template["Resources"]["WorkerFunction"]["Properties"]["VersionDescription"]
        ),
    ),
    (the_text_that_makes_a_version_fits_what_lambda_takes, lambda template: template["Parameters"]["AisaBaseUrl"].update(MaxLength=51)),
    (the_worker_has_no_more_pollers_than_room, remove(*WORKER, "Events", "Queue", "Properties", "ScalingConfig")),
    (a_key_is_used_through_the_services_only, remove(*WORKER_MAY, 5, "Fn::If", 1, "Condition")),
    (each_role_has_the_boundary, remove("DeploymentRole", "Properties", "PermissionsBoundary")),
    (everything_is_encrypted_with_the_owners_key_if_there_is_one, remove("ApiLogs", "Properties", "KmsKeyId")),
    (the_api_is_throttled_and_its_open_route_apart, remove("LikesApi", "Properties", "RouteSettings")),
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


@pytest.mark.parametrize(
    ("function", "action"),
    [
        (function, action)
        for function, expected in EXPECTED_PERMISSIONS.items()
        for actions in [*expected.values(), *(actions for _, actions in ONLY_IF.values())]
        for action in sorted(actions)
    ],
)
def test_a_permission_that_is_taken_away_is_noticed(function: str, action: str, template: Template) -> None:
    damaged = deepcopy(template)
    for granted in statements(damaged, function).values():
        for statement in granted:
            actions = [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
            statement["Action"] = [each for each in actions if each != action]

    with pytest.raises(AssertionError):
        each_role_may_do_what_it_needs_and_nothing_more(damaged)


@pytest.mark.parametrize(
    ("policy", "granted"),
    [
        ("AWSLambdaBasicExecutionRole", LOG),
        ("AWSLambdaSQSQueueExecutionRole", LOG | CONSUME - {"sqs:ChangeMessageVisibility"}),
        ("AWSXRayDaemonWriteAccess", TRACE),
    ],
)
def test_lambda_may_do_for_a_function_what_awss_own_policies_say_it_has_to(policy: str, granted: set[str]) -> None:
    """No emulator asks for these. What they say on top: the log groups exist, and X-Ray's samples are for its daemon."""
    (statement,) = json.loads(aws_managed_policies_data)[policy]["Document"]["Statement"]
    needless = {"logs:CreateLogGroup"} | {
        action for action in statement["Action"] if action.startswith("xray:GetSampling")
    }

    assert set(statement["Action"]) - needless == granted


def test_the_runbook_is_for_alarms_that_there_are(template: Template) -> None:
    told = {name for section in runbook().values() for name in re.findall(r"^\*(.+)\.\*", section, re.MULTILINE)}

    assert {name for names in told for name in names.split(", ")} == alarms(template).keys()


@pytest.mark.parametrize(
    ("parameter", "good", "bad"),
    [
        ("AisaBaseUrl", ["https://a.example:8443/b", "http://127.0.0.1:9"], ["http://a.example", "https://u@a.example", "https://a/?q"]),
        ("AisaSecretArn", [f"{SECRET_ARN}:prod/aisa-key-AbCdEf"], [f"{SECRET_ARN}:aisa", f"{SECRET_ARN}:aisa-AbCdEf:key::"]),
        ("SourceQueueArn", [f"{QUEUE_ARN}:likes", f"{QUEUE_ARN}:likes.fifo"], [f"{QUEUE_ARN}:{'q' * 68}", "https://sqs.eu-west-1.amazonaws.com/1/q"]),
        ("LikesPerWindow", ["1", "50"], ["0", "1.5", "-1", ""]),
        ("GiveUpAfterHours", ["1", "72", "299"], ["0", "300", "7.5"]),
        ("ReservedConcurrency", ["0", "2", "1000"], ["1", "1001"]),
        ("AlarmEmail", ["", "on-call@example.com"], ["on-call"]),
        ("Stage", ["prod"], ["Prod", ""]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_the_functions_would_refuse_is_refused_before_anything_changes(
    parameter: str, good: list[str], bad: list[str], template: Template
) -> None:
    pattern = re.compile(template["Parameters"][parameter]["AllowedPattern"])

    assert [value for value in good if not pattern.search(value)] == []
    assert [value for value in bad if pattern.search(value)] == []
