"""What comes out of ``template.yaml`` for the combinations of parameters that matter."""

import json
from typing import Any

import pytest

from local.template import VARIANTS, Template, decide, read, translate


def variant(name: str) -> Template:
    return decide(translate(read(), VARIANTS[name]), VARIANTS[name])


@pytest.fixture(scope="module")
def defaults() -> Template:
    return variant("defaults")


@pytest.fixture(scope="module")
def everything() -> Template:
    return variant("everything")


@pytest.fixture(scope="module")
def existing() -> Template:
    return variant("existing")


def of_type(template: Template, kind: str) -> dict[str, Any]:
    return {
        name: resource.get("Properties", {})
        for name, resource in template["Resources"].items()
        if resource["Type"] == kind
    }


def references(template: Template) -> set[str]:
    """Return the logical ids that resources and outputs refer to."""
    found: set[str] = set()

    def look(value: Any) -> None:
        if isinstance(value, dict):
            if value.keys() == {"Ref"}:
                found.add(value["Ref"])
            if value.keys() == {"Fn::GetAtt"}:
                found.add(value["Fn::GetAtt"][0])
            for each in value.values():
                look(each)
        elif isinstance(value, list):
            for each in value:
                look(each)

    look([template["Resources"], template["Outputs"]])
    return {name for name in found if not name.startswith("AWS::")}


@pytest.mark.parametrize("name", VARIANTS)
def test_nothing_refers_to_what_is_not_there(name: str) -> None:
    template = variant(name)

    assert references(template) <= template["Resources"].keys() | template["Parameters"].keys()
    assert "Fn::If" not in json.dumps(template)


def test_what_exists_is_used_and_not_made(existing: Template) -> None:
    for name in ("AisaSecret", "WebhookSecret", "LikeQueue", "LikeQueuePolicy", "AlarmTopic", "AlarmTopicPolicy"):
        assert name not in existing["Resources"]
    (source,) = of_type(existing, "AWS::Lambda::EventSourceMapping").values()
    assert source["EventSourceArn"] == {"Ref": "SourceQueueArn"}
    for alarm in of_type(existing, "AWS::CloudWatch::Alarm").values():
        assert alarm["AlarmActions"] == [{"Ref": "AlarmTopicArn"}]


def test_canaries_come_with_the_deployment_and_go_with_the_parameter(defaults: Template, existing: Template) -> None:
    for group in of_type(defaults, "AWS::CodeDeploy::DeploymentGroup").values():
        assert group["ServiceRoleArn"] == {"Fn::GetAtt": ["DeploymentRole", "Arn"]}
        assert "Canary10Percent5Minutes" in json.dumps(group["DeploymentConfigName"])
    assert len(of_type(defaults, "AWS::CodeDeploy::DeploymentGroup")) == 3
    assert not of_type(existing, "AWS::CodeDeploy::DeploymentGroup")
    assert len(of_type(existing, "AWS::Lambda::Alias")) == 3, "what calls a function calls its alias, canary or not"


def test_every_role_has_the_boundary_that_is_given(everything: Template, defaults: Template) -> None:
    assert all("PermissionsBoundary" not in role for role in of_type(defaults, "AWS::IAM::Role").values())
    roles = of_type(everything, "AWS::IAM::Role")
    assert roles.keys() == {"LikeFunctionRole", "WebhookFunctionRole", "WorkerFunctionRole", "DeploymentRole"}
    assert all(role["PermissionsBoundary"] == {"Ref": "PermissionsBoundaryArn"} for role in roles.values())


def test_only_who_needs_it_may_use_a_key_and_only_if_there_is_one(everything: Template, defaults: Template) -> None:
    assert "kms:" not in json.dumps(of_type(defaults, "AWS::IAM::Role"))
    for name, role in of_type(everything, "AWS::IAM::Role").items():
        assert ("kms:" in json.dumps(role)) == (name != "DeploymentRole")


def test_a_queue_is_encrypted_one_way_or_the_other(everything: Template, defaults: Template) -> None:
    for queue in of_type(defaults, "AWS::SQS::Queue").values():
        assert queue["SqsManagedSseEnabled"] is True
        assert "KmsMasterKeyId" not in queue
    for queue in of_type(everything, "AWS::SQS::Queue").values():
        assert "SqsManagedSseEnabled" not in queue
        assert queue["KmsMasterKeyId"] == {"Ref": "KmsKeyArn"}


def test_events_go_to_the_alias(defaults: Template) -> None:
    (source,) = of_type(defaults, "AWS::Lambda::EventSourceMapping").values()
    assert source["FunctionName"] == {"Ref": "WorkerFunctionAliaslive"}
    paths = defaults["Resources"]["LikesApi"]["Properties"]["Body"]["paths"]
    for operations in paths.values():
        for operation in operations.values():
            assert "Aliaslive}" in json.dumps(operation["x-amazon-apigateway-integration"]["uri"])


def test_the_webhook_is_the_only_route_without_an_authorizer_when_translated(defaults: Template) -> None:
    paths = defaults["Resources"]["LikesApi"]["Properties"]["Body"]["paths"]
    secured = {
        f"{method.upper()} {path}": {name for each in operation.get("security", []) for name in each}
        for path, operations in paths.items()
        for method, operation in operations.items()
    }

    assert secured.pop("POST /webhooks/{source}") <= {"NONE"}
    assert secured == {"POST /likes": {"AWS_IAM"}, "GET /likes/{tweet_id}": {"AWS_IAM"}}
