"""What keeps a command from its work, as one line for a person and an exit code for a script."""

from enum import IntEnum
from typing import Final

from botocore import exceptions as boto
from botocore.exceptions import BotoCoreError, ClientError

from likectl.wording import printable


class Exit(IntEnum):
    """What a command's exit status means."""

    OK = 0
    FINDINGS = 1  # the command did its work, and something is not as it should be
    USAGE = 2
    MISSING = 3  # no such stack, or something that belongs to it is gone
    DENIED = 4  # no valid credentials, or they may not do this
    UNREACHABLE = 5  # AWS, the gateway or the API does not answer
    FAILED = 6  # refused for any other reason
    INTERRUPTED = 130


class Problem(Exception):
    """The command can not go on.

    Attributes:
        line: one line that says why and what to do. It never holds a key or a secret.
        exit: the exit status.
    """

    def __init__(self, line: str, exit: Exit = Exit.FAILED) -> None:  # noqa: A002 - the field's word
        super().__init__(line)
        self.line = line
        self.exit = exit


_DENIED: Final = frozenset(
    {"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation", "NotAuthorized"}
)
_NOT_CREDENTIALS: Final = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_SKEWED: Final = frozenset({"RequestExpired", "RequestTimeTooSkewed", "RequestInTheFuture"})
_GONE: Final = frozenset(
    {
        "AWS.SimpleQueueService.NonExistentQueue",
        "NotFound",
        "NotFoundException",
        "QueueDoesNotExist",
        "ResourceNotFoundException",
    }
)
_UNREACHABLE: Final = (
    boto.ConnectionError,
    boto.ConnectionClosedError,
    boto.HTTPClientError,
    boto.MetadataRetrievalError,
)
_NO_CREDENTIALS: Final = (
    boto.CredentialRetrievalError,
    boto.NoCredentialsError,
    boto.PartialCredentialsError,
    boto.SSOError,
    boto.TokenRetrievalError,
)


def explain(error: BotoCoreError | ClientError) -> Problem:
    """Return what an error of AWS or of its SDK means to a person.

    The SDK's own messages may quote what was to be sent, so only its errors' names are shown.
    """
    if isinstance(error, ClientError):
        return _explain_answer(error)
    name = type(error).__name__
    match error:
        case boto.NoRegionError():
            return Problem("No region is set. Give --region, or set AWS_REGION.", Exit.USAGE)
        case boto.ProfileNotFound():
            return Problem("There is no such profile. `aws configure list-profiles` lists them.", Exit.DENIED)
    if isinstance(error, _NO_CREDENTIALS):
        return Problem(f"No AWS credentials ({name}). Sign in, or give --profile.", Exit.DENIED)
    if isinstance(error, _UNREACHABLE):
        return Problem(f"AWS does not answer ({name}). Check the network, --region and any proxy.", Exit.UNREACHABLE)
    return Problem(f"The AWS SDK failed ({name}).")


def _explain_answer(error: ClientError) -> Problem:
    code, action = error.response["Error"]["Code"], error.operation_name
    said = printable(error.response["Error"].get("Message", ""))
    if code in _SKEWED or (code in _NOT_CREDENTIALS and "Signature expired" in said):
        return Problem("AWS says that this machine's clock is wrong. Set it, then try again.", Exit.DENIED)
    if code in _NOT_CREDENTIALS:
        return Problem(f"AWS does not accept the credentials ({code}). Sign in again, or give --profile.", Exit.DENIED)
    if code in _DENIED:
        return Problem(f"The credentials may not do {action}. AWS says: {said}", Exit.DENIED)
    if code in _GONE:
        return Problem(f"{action} found nothing ({code}): a part of the stack is gone. AWS says: {said}", Exit.MISSING)
    return Problem(f"AWS refused {action} ({code}).")
