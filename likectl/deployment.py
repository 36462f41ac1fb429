"""A deployed stack: what it consists of, and the clients to work with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from likectl.problems import Exit, Problem
from likes.settings import AisaSettings, InvalidSetting, LedgerSettings

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import StackTypeDef
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_lambda.type_defs import (
        EventSourceMappingConfigurationResponseTypeDef,
        FunctionConfigurationResponseTypeDef,
    )
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient

DEFAULT_STACK: Final = "tweet-likes"

_CONFIG: Final = Config(connect_timeout=5, read_timeout=30, retries={"total_max_attempts": 3, "mode": "standard"})


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of the stack: what AWS calls it, and its type."""

    id: str
    type: str


class Deployment:
    """A stack in one region, read when it is first asked for.

    Parameters:
        name: the stack's.
        region: None takes the profile's.
        profile: of the AWS configuration; None takes the usual credentials.
    """

    def __init__(self, name: str, region: str | None, profile: str | None) -> None:
        self.name = name
        self._region = region
        self._profile = profile

    @cached_property
    def _session(self) -> boto3.Session:
        return boto3.Session(profile_name=self._profile, region_name=self._region)

    @property
    def region(self) -> str:
        """The region's name."""
        return self.cloudformation.meta.region_name

    @cached_property
    def cloudformation(self) -> "CloudFormationClient":
        return self._session.client("cloudformation", config=_CONFIG)

    @cached_property
    def cloudwatch(self) -> "CloudWatchClient":
        return self._session.client("cloudwatch", config=_CONFIG)

    @cached_property
    def dynamodb(self) -> "DynamoDBClient":
        return self._session.client("dynamodb", config=_CONFIG)

    @cached_property
    def functions(self) -> "LambdaClient":
        return self._session.client("lambda", config=_CONFIG)

    @cached_property
    def logs(self) -> "CloudWatchLogsClient":
        return self._session.client("logs", config=_CONFIG)

    @cached_property
    def secrets(self) -> "SecretsManagerClient":
        return self._session.client("secretsmanager", config=_CONFIG)

    @cached_property
    def sns(self) -> "SNSClient":
        return self._session.client("sns", config=_CONFIG)

    @cached_property
    def sqs(self) -> "SQSClient":
        return self._session.client("sqs", config=_CONFIG)

    @cached_property
    def description(self) -> "StackTypeDef":
        """What CloudFormation says of the stack."""
        try:
            return self.cloudformation.describe_stacks(StackName=self.name)["Stacks"][0]
        except ClientError as error:
            if error.response["Error"]["Code"] != "ValidationError":
                raise
            line = f"There is no stack {self.name} in {self.region}. Give --stack, --region or --profile."
            raise Problem(line, Exit.MISSING) from None

    @cached_property
    def outputs(self) -> Mapping[str, str]:
        """The stack's outputs."""
        return {output["OutputKey"]: output["OutputValue"] for output in self.description.get("Outputs", [])}

    @cached_property
    def resources(self) -> Mapping[str, Resource]:
        """The stack's resources by their logical ids."""
        self._require_stack()
        pages = self.cloudformation.get_paginator("list_stack_resources").paginate(StackName=self.name)
        return {
            resource["LogicalResourceId"]: Resource(resource.get("PhysicalResourceId", ""), resource["ResourceType"])
            for page in pages
            for resource in page["StackResourceSummaries"]
        }

    def output(self, name: str) -> str:
        """Return an output.

        Raises:
            Problem: there is none of this name.
        """
        try:
            return self.outputs[name]
        except KeyError:
            raise self._lacks(f"output {name}") from None

    def resource(self, name: str) -> str:
        """Return what AWS calls the resource of this logical id.

        Raises:
            Problem: there is none.
        """
        try:
            return self.resources[name].id
        except KeyError:
            raise self._lacks(name) from None

    @cached_property
    def worker(self) -> "FunctionConfigurationResponseTypeDef":
        """The worker's configuration."""
        return self.functions.get_function_configuration(FunctionName=self.resource("WorkerFunction"))

    @property
    def settings(self) -> Mapping[str, str]:
        """The worker's environment: the limits, the gateway and the queue that are in force."""
        return self.worker.get("Environment", {}).get("Variables", {})

    @property
    def gateway(self) -> AisaSettings:
        """Where the gateway is."""
        try:
            return AisaSettings.read(self.settings)
        except InvalidSetting as error:
            raise Problem(f"The worker's environment is wrong: {error}", Exit.FAILED) from None

    @property
    def ledger(self) -> LedgerSettings:
        """Where the ledger is, and the limits that it keeps."""
        try:
            return LedgerSettings.read(self.settings)
        except InvalidSetting as error:
            raise Problem(f"The worker's environment is wrong: {error}", Exit.FAILED) from None

    @property
    def queue_url(self) -> str:
        """The queue that feeds the worker: the stack's, or the one that it was given."""
        return self.outputs.get("LikeQueueUrl") or self.settings["LIKE_QUEUE_URL"]

    def event_source(self) -> "EventSourceMappingConfigurationResponseTypeDef":
        """Return what connects the queue to the worker, as it is this moment.

        Raises:
            Problem: there is none.
        """
        answer = self.functions.list_event_source_mappings(FunctionName=self.resource("WorkerFunction"))
        for mapping in answer["EventSourceMappings"]:
            return self.functions.get_event_source_mapping(UUID=mapping["UUID"])
        raise self._lacks("event source of the worker")

    def _require_stack(self) -> None:
        _ = self.description

    def _lacks(self, what: str) -> Problem:
        return Problem(f"The stack {self.name} has no {what}. Is it this project's? Deploy it again.", Exit.MISSING)
