"""The service as it is deployed: once for all tests of this folder.

Built and deployed into an emulator that enforces policies; or, with ``STACK_NAME`` set, the stack of that name in the
AWS account of the environment's credentials. There, tests that need to command AIsa's simulator are left out, and those
that like a tweet, too, unless ``TWEETS`` has the ids of four that the account may like. ``API_URL`` is the API's address
if it has one of its own.
"""

import json
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import boto3
import pytest
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from requests.auth import AuthBase

from local.aisa import AisaSimulator
from local.service import local_service
from local.stack import Stack, describe

STACK_NAME = os.environ.get("STACK_NAME")
TWEETS = os.environ.get("TWEETS", "").split()

# One process for all, since one deployment serves all; and time for what a first test has to wait for.
together = [pytest.mark.xdist_group("deployed"), pytest.mark.timeout(300)]


class _Signed(AuthBase):
    """Signs requests to API Gateway with the environment's credentials."""

    def __init__(self) -> None:
        self._session = boto3.Session()

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        credentials, region = self._session.get_credentials(), self._session.region_name
        assert credentials, "no credentials of AWS in the environment"
        signed = AWSRequest(request.method, request.url, data=request.body)
        SigV4Auth(credentials, "execute-api", region).add_auth(signed)
        request.headers.update(dict(signed.headers))
        return request


@dataclass(frozen=True)
class Deployed:
    """The deployed service.

    Attributes:
        simulator: of AIsa, which it calls; None where the stack is a real one.
        auth: what callers of the API show.
    """

    stack: Stack
    url: str
    simulator: AisaSimulator | None = None
    auth: AuthBase | None = field(default=None, repr=False)

    @property
    def aisa(self) -> AisaSimulator:
        """The simulator, in tests that are left out where there is none."""
        assert self.simulator
        return self.simulator

    def post(self, path: str, payload: Any, **headers: str) -> requests.Response:
        """Send a request as a caller with credentials."""
        return requests.post(f"{self.url}{path}", json=payload, headers=headers, auth=self.auth, timeout=60)

    def hook(self, source: str, payload: Any, token: str) -> requests.Response:
        """Send a webhook as somebody who has a token and no credentials."""
        headers = {"Authorization": f"Bearer {token}"}
        return requests.post(f"{self.url}/webhooks/{source}", json=payload, headers=headers, timeout=60)

    def get(self, path: str) -> requests.Response:
        """Ask as a caller with credentials."""
        return requests.get(f"{self.url}{path}", auth=self.auth, timeout=60)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what needs the simulator, where there is none, and likes that are real, where none was asked for."""
    if STACK_NAME:
        needs = {"simulated"} if TWEETS else {"simulated", "likes"}
        left_out = [item for item in items if any(item.get_closest_marker(mark) for mark in needs)]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session")
def service() -> Iterator[Deployed]:
    if STACK_NAME:
        stack = describe(STACK_NAME)
        yield Deployed(stack, os.environ.get("API_URL", stack.outputs["ApiUrl"]), auth=_Signed())
        return
    with local_service() as local:
        yield Deployed(local.stack, local.gateway.url, local.simulator)


_tweets = iter(TWEETS) if STACK_NAME else map(str, count(1001))


@pytest.fixture
def tweet() -> str:
    """A tweet that no other test likes."""
    return next(_tweets)


@pytest.fixture
def source(service: Deployed) -> Iterator[tuple[str, str]]:
    """A source of webhooks, its name and token, for as long as a test takes."""
    client, arn = service.stack.client("secretsmanager"), service.stack.outputs["WebhookSecretArn"]
    try:
        before = client.get_secret_value(SecretId=arn)["SecretString"]
    except client.exceptions.ResourceNotFoundException:  # a secret that has no value yet
        before = "{}"
    name, token = "end-to-end", secrets.token_urlsafe()
    sources = json.loads(before) | {name: {"scheme": "token", "secrets": [token]}}
    client.put_secret_value(SecretId=arn, SecretString=json.dumps(sources))
    yield name, token
    client.put_secret_value(SecretId=arn, SecretString=before)
