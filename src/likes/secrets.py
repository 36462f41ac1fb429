"""A secret in Secrets Manager, read through Powertools and kept for five minutes."""

from typing import TYPE_CHECKING, Final

from aws_lambda_powertools.utilities.parameters import SecretsProvider
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError
from botocore.config import Config
from botocore.exceptions import ClientError

from likes import aws

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

CACHE_SECONDS: Final = 300

_PASSING: Final = frozenset({"ThrottlingException", "InternalServiceError", "InternalServiceErrorException"})


class SecretMissing(Exception):
    """There is no secret to read, for one of three causes.

    Attributes:
        cause: ``not_set``, ``unreadable`` (no permission, or no such secret any more) or ``unavailable`` (passing).
    """

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


class StoredSecret:
    """One secret.

    Parameters:
        secret_id: its name or ARN.
        client: the Secrets Manager client to read it with.
    """

    def __init__(self, secret_id: str, client: "SecretsManagerClient") -> None:
        self._secret_id = secret_id
        self._provider = SecretsProvider(boto3_client=client)

    def read(self, *, fresh: bool = False) -> str:
        """Return the secret, at most five minutes old, or read this moment if `fresh`.

        Raises:
            SecretMissing: there is none, or it can not be read.
        """
        try:
            secret = self._provider.get(self._secret_id, max_age=CACHE_SECONDS, force_fetch=fresh)
        except GetParameterError as error:
            cause = error.__context__
            code = cause.response["Error"]["Code"] if isinstance(cause, ClientError) else ""
            if code == "ResourceNotFoundException":  # also the answer for a secret that has no value yet
                raise SecretMissing("not_set") from None
            raise SecretMissing("unavailable" if not code or code in _PASSING else "unreadable") from None
        text = (secret.decode("utf-8", "replace") if isinstance(secret, bytes) else str(secret)).strip()
        if not text:
            raise SecretMissing("not_set")
        return text


def boto_config() -> Config:
    """Return timeouts that leave time to answer a caller when Secrets Manager does not."""
    return aws.boto_config(connect=2, read=3)
