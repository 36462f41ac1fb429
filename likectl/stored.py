"""The two secrets, read and written by an operator. Their values never leave this process but for Secrets Manager."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from likectl.problems import Problem
from likes.payload import DEFAULT_ACCOUNT

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient


@dataclass(frozen=True, slots=True)
class Secret:
    """One secret: its ARN, and the client to work with it."""

    arn: str
    client: "SecretsManagerClient"

    def read(self) -> str:
        """Return its value; empty when it has none yet."""
        try:
            answer = self.client.get_secret_value(SecretId=self.arn)
        except self.client.exceptions.ResourceNotFoundException:
            self.client.describe_secret(SecretId=self.arn)  # which fails, too, when the secret itself is gone
            return ""
        text = answer.get("SecretString") or answer.get("SecretBinary", b"").decode("utf-8", "replace")
        return text.strip()

    def write(self, value: str) -> None:
        """Replace its value. Secrets Manager keeps the last one as the version AWSPREVIOUS."""
        self.client.put_secret_value(SecretId=self.arn, SecretString=value)


def read_keys(secret: Secret) -> dict[str, str]:
    """Return the AIsa keys by account.

    Raises:
        Problem: the secret is neither a key nor a JSON object of one key per account.
    """
    text = secret.read()
    if not text:
        return {}
    if not text.startswith("{"):
        return {DEFAULT_ACCOUNT: text}
    keys = _object(text)
    if keys is None or not all(isinstance(key, str) for key in keys.values()):
        raise Problem("The AIsa secret is neither a key nor a JSON object of one key per account (key_malformed).")
    return {account: key.strip() for account, key in keys.items()}


def write_keys(secret: Secret, keys: Mapping[str, str]) -> None:
    """Write the AIsa keys: a bare key as long as there is only one, the account `default`'s."""
    bare = set(keys) == {DEFAULT_ACCOUNT}
    secret.write(keys[DEFAULT_ACCOUNT] if bare else json.dumps(keys))


def read_sources(secret: Secret) -> dict[str, Any]:
    """Return the webhook secret's entries by the sources' names.

    Raises:
        Problem: the secret is not a JSON object.
    """
    text = secret.read()
    sources = _object(text) if text else {}
    if sources is None:
        raise Problem("The webhook secret is not a JSON object of sources (webhook_secret_malformed).")
    return sources


def write_sources(secret: Secret, sources: Mapping[str, Any]) -> None:
    """Write the webhook secret's entries."""
    secret.write(json.dumps(sources))


def _object(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
