"""The AIsa keys, one per account, from Secrets Manager."""

import json
from typing import TYPE_CHECKING, Final

from aws_lambda_powertools.utilities.parameters import SecretsProvider
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError
from botocore.config import Config
from botocore.exceptions import ClientError

from likes.outcomes import Kind, Outcome
from likes.payload import DEFAULT_ACCOUNT

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

CACHE_SECONDS: Final = 300

_PASSING: Final = frozenset({"ThrottlingException", "InternalServiceError", "InternalServiceErrorException"})


class NoKey(Exception):
    """There is no key to like with. `outcome` says why, and what it calls for."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome


_NOT_SET: Final = Outcome(Kind.BLOCKED, "key_not_set", "The account's AIsa key is not set. Put it into the secret.")
_MALFORMED: Final = Outcome(
    Kind.BLOCKED,
    "key_malformed",
    "The AIsa secret is neither a key nor a JSON object of one key per account.",
)
_UNREADABLE: Final = Outcome(
    Kind.BLOCKED, "secret_unreadable", "The function may not read the AIsa secret, or the secret is gone."
)
_UNAVAILABLE: Final = Outcome(Kind.UNAVAILABLE, "secret_unavailable", "Secrets Manager does not answer.")
_UNKNOWN_ACCOUNT: Final = Outcome(Kind.REJECTED, "unknown_account", "The AIsa secret has no key for this account.")


class Keys:
    """Reads the secret: a bare key for the account ``default``, or a JSON object of one key per account.

    Parameters:
        secret_id: name or ARN of the secret.
        client: the Secrets Manager client to read it with.
    """

    def __init__(self, secret_id: str, client: "SecretsManagerClient") -> None:
        self._secret_id = secret_id
        self._provider = SecretsProvider(boto3_client=client)

    def key(self, account: str, *, fresh: bool = False) -> str:
        """Return the key of `account`, at most five minutes old, or read this moment if `fresh`.

        That there is none is never said from memory: somebody may just have set it.

        Raises:
            NoKey: it is not set, malformed, unknown or can not be read.
        """
        try:
            return _key_in(self._secret(fresh=fresh), account)
        except NoKey:
            if fresh:
                raise
            return _key_in(self._secret(fresh=True), account)

    def _secret(self, *, fresh: bool) -> str:
        try:
            secret = self._provider.get(self._secret_id, max_age=CACHE_SECONDS, force_fetch=fresh)
            return (secret.decode("utf-8", "replace") if isinstance(secret, bytes) else str(secret)).strip()
        except GetParameterError as error:
            cause = error.__context__
            code = cause.response["Error"]["Code"] if isinstance(cause, ClientError) else ""
            if code == "ResourceNotFoundException":  # also the answer for a secret that has no value yet
                raise NoKey(_NOT_SET) from None
            raise NoKey(_UNAVAILABLE if not code or code in _PASSING else _UNREADABLE) from None


def boto_config() -> Config:
    """Return timeouts that leave time to answer a caller when Secrets Manager does not."""
    return Config(connect_timeout=2, read_timeout=3, retries={"total_max_attempts": 2, "mode": "standard"})


def _key_in(secret: str, account: str) -> str:
    if not secret:
        raise NoKey(_NOT_SET)
    if not secret.startswith("{"):
        if account != DEFAULT_ACCOUNT:
            raise NoKey(_UNKNOWN_ACCOUNT)
        return _checked(secret)
    try:
        keys = json.loads(secret)
    except (ValueError, RecursionError):
        raise NoKey(_MALFORMED) from None
    if account not in keys:
        raise NoKey(_UNKNOWN_ACCOUNT if keys else _NOT_SET)
    if not isinstance(keys[account], str):
        raise NoKey(_MALFORMED)
    return _checked(keys[account].strip())


def _checked(key: str) -> str:
    """Return `key` if it can go into a header; the HTTP library would quote another in its exception."""
    if not key:
        raise NoKey(_NOT_SET)
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise NoKey(_MALFORMED)
    return key
