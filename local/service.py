"""The whole service on this machine: the deployed stack, a simulator of AIsa, and a port that stands for the API."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final

from local.aisa import AisaSimulator
from local.gateway import Gateway
from local.page import pages
from local.stack import Stack, deployed

REAL_GATEWAY: Final = "https://api.aisa.one"

DEMO_SOURCE: Final = "demo"
DEMO_SECRET: Final = "whsec_ZGVtby1zZWNyZXQtb2YtdGhpcy1tYWNoaW5l"  # noqa: S105 - of this machine's demonstration
DEMO_TOKEN: Final = "demo-token-of-this-machine"  # noqa: S105 - the same
SOURCES: Final = {
    DEMO_SOURCE: {"scheme": "standard-webhooks", "secrets": [DEMO_SECRET]},
    "demo-token": {"scheme": "token", "secrets": [DEMO_TOKEN]},
}


@dataclass(frozen=True)
class LocalService:
    """What is up.

    Attributes:
        stack: the deployed template.
        gateway: the API's local port.
        simulator: of AIsa; None where the real gateway is used.
    """

    stack: Stack
    gateway: Gateway
    simulator: AisaSimulator | None


@contextmanager
def local_service(*, port: int = 0, real_key: str | None = None) -> Iterator[LocalService]:
    """Bring everything up, and down in the end.

    Parameters:
        port: of the API; another one is taken if it is not free.
        real_key: an AIsa key; with it the real gateway is used, and likes are real.

    Raises:
        StackFailed: something did not come up.
    """
    with ExitStack() as parts:
        simulator = None if real_key else parts.enter_context(AisaSimulator({"sk-simulated": "default"}))
        stack = parts.enter_context(deployed(aisa_url=simulator.url if simulator else REAL_GATEWAY))
        secrets = stack.client("secretsmanager")
        secrets.put_secret_value(SecretId=stack.outputs["AisaSecretArn"], SecretString=real_key or "sk-simulated")
        secrets.put_secret_value(SecretId=stack.outputs["WebhookSecretArn"], SecretString=json.dumps(SOURCES))
        yield LocalService(stack, parts.enter_context(_gateway(stack, port)), simulator)


def _gateway(stack: Stack, port: int) -> Gateway:
    routes, the_pages = stack.routes(), pages(DEMO_SOURCE, DEMO_SECRET)
    try:
        return Gateway(routes, pages=the_pages, port=port)
    except OSError:  # the usual port is taken
        return Gateway(routes, pages=the_pages)
