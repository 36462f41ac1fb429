"""`template.yaml`, built and deployed by `sam` into an AWS emulator on this machine: no account, no Docker."""

import json
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from samcli.yamlhelper import yaml_dump, yaml_parse

from local.build import BUILT, PROJECT, build, sam
from local.emulator import StackFailed, client, client_of_environment, emulator

STACK: Final = "tweet-likes"

# The emulator takes the batch form for an action of its own; on AWS the plain one, which the template names, does.
_HIDE: Final = "sqs:ChangeMessageVisibility"


@dataclass(frozen=True)
class Stack:
    """The deployed service.

    Attributes:
        endpoint: the emulator's address, for ``AWS_ENDPOINT_URL``; None for AWS itself.
        name: of the stack.
        outputs: the stack's outputs.
        resources: logical id to physical id.
    """

    endpoint: str | None
    name: str
    outputs: Mapping[str, str]
    resources: Mapping[str, str]

    def client(self, service: str) -> Any:
        """Return a client of `service`, as the stack's owner."""
        return client(service, self.endpoint) if self.endpoint else client_of_environment(service)

    def invoke(self, function: str, version: str = "live") -> Callable[[dict[str, Any]], dict[str, Any]]:
        """Return what invokes the function of this logical id, as deployed or in another version."""
        lambda_client = self.client("lambda")

        def invoke(event: dict[str, Any]) -> dict[str, Any]:
            answer = lambda_client.invoke(
                FunctionName=self.resources[function], Qualifier=version, Payload=json.dumps(event)
            )
            result: dict[str, Any] = json.load(answer["Payload"])
            if "FunctionError" in answer:
                return {"statusCode": 500, "body": json.dumps({"message": "Internal Server Error"})}
            return result

        return invoke

    def routes(self) -> dict[str, Callable[[dict[str, Any]], dict[str, Any]]]:
        """Return the API's routes, from the template that was deployed, each with what invokes its function."""
        template = self.client("cloudformation").get_template(StackName=self.name, TemplateStage="Processed")[
            "TemplateBody"
        ]
        body = template if isinstance(template, dict) else json.loads(template)
        paths = body["Resources"]["LikesApi"]["Properties"]["Body"]["paths"]
        return {
            f"{method.upper()} {path}": self.invoke(_function_of(operation))
            for path, operations in paths.items()
            for method, operation in operations.items()
        }

    def logs(self, since: int = 0) -> list[tuple[int, str]]:
        """Return what the functions wrote since `since` (Unix milliseconds), in order, each with its time."""
        logs = self.client("logs")
        groups = [self.resources[name] for name in self.resources if name.endswith("Logs")]
        events = [
            (event["timestamp"], event["message"].rstrip())
            for group in groups
            for event in logs.filter_log_events(logGroupName=group, startTime=since)["events"]
        ]
        return sorted(events)


@contextmanager
def deployed(*, aisa_url: str, **parameters: str) -> Iterator[Stack]:
    """Start the emulator, build and deploy the template, and stop the emulator in the end.

    Parameters:
        aisa_url: base address of the gateway or its simulator.
        parameters: further parameters of the template.

    Raises:
        StackFailed: the emulator, the build or the deployment failed.
    """
    with tempfile.TemporaryDirectory(prefix="tweet-likes-") as folder, emulator(Path(folder)) as ministack:
        endpoint = ministack.endpoint
        build()
        deploy(endpoint, AisaBaseUrl=aisa_url, **parameters)
        yield describe(STACK, endpoint)


def deploy(endpoint: str, **parameters: str) -> None:
    """Deploy what is built, with these parameters of the template.

    Raises:
        StackFailed: the deployment failed.
    """
    values = {"Architecture": "x86_64", **parameters}
    arguments = ["--config-file", str(PROJECT / "samconfig.toml"), "--template-file", str(_for_the_emulator())]
    arguments += ["--stack-name", STACK, "--no-progressbar"]
    overrides = [f"{name}={value}" for name, value in values.items()]
    sam("deploy", *arguments, "--parameter-overrides", *overrides, endpoint=endpoint)
    stack = describe(STACK, endpoint)
    iam, role = stack.client("iam"), stack.resources["WorkerFunctionRole"]
    policy = iam.get_role_policy(RoleName=role, PolicyName="needs")["PolicyDocument"]
    statements = [each | {"Action": f"{_HIDE}Batch"} for each in policy["Statement"] if _HIDE in each["Action"]]
    iam.put_role_policy(
        RoleName=role, PolicyName="emulator", PolicyDocument=json.dumps({**policy, "Statement": statements})
    )


def describe(name: str, endpoint: str | None = None) -> Stack:
    """Return the stack `name` in the emulator at `endpoint`, or in the account of the environment's credentials."""
    empty = Stack(endpoint, name, {}, {})
    cloudformation = empty.client("cloudformation")
    (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    resources = cloudformation.describe_stack_resources(StackName=name)["StackResources"]
    return Stack(
        endpoint,
        name,
        {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]},
        {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in resources},
    )


def _for_the_emulator() -> Path:
    """Write the built template without what the emulator can not have, and return where.

    It does not know canary deployments (CodeDeploy) and alarms over more than one metric, and it speaks plain http,
    which the queues' policies refuse.
    """
    template = yaml_parse((BUILT / "template.yaml").read_text())
    for name, resource in list(template["Resources"].items()):
        properties = resource.get("Properties", {})
        properties.pop("DeploymentPreference", None)
        is_over_metrics = resource["Type"] == "AWS::CloudWatch::Alarm" and "Metrics" in properties
        if is_over_metrics or resource["Type"] == "AWS::SQS::QueuePolicy":
            del template["Resources"][name]
    copy = BUILT / "emulator.yaml"
    copy.write_text(yaml_dump(template))
    return copy


def _function_of(operation: Mapping[str, Any]) -> str:
    """Return the logical id of the function in an operation's integration, as SAM writes it."""
    uri = json.dumps(operation["x-amazon-apigateway-integration"]["uri"])
    match = re.search(r"functions/\$\{(\w+?)(?:Aliaslive|\.Arn)\}", uri)
    if not match:
        raise StackFailed(f"No function in {uri}.")
    return match[1]
