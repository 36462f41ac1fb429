"""The AIsa keys, one per account, from Secrets Manager."""

import json
from typing import Final

from likes.outcomes import Kind, Outcome
from likes.payload import DEFAULT_ACCOUNT
from likes.secrets import SecretMissing, StoredSecret


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
_MISSING: Final = {"not_set": _NOT_SET, "unreadable": _UNREADABLE, "unavailable": _UNAVAILABLE}
_UNKNOWN_ACCOUNT: Final = Outcome(Kind.REJECTED, "unknown_account", "The AIsa secret has no key for this account.")


class Keys:
    """Reads the secret: a bare key for the account ``default``, or a JSON object of one key per account.

    Parameters:
        secret: the secret.
    """

    def __init__(self, secret: StoredSecret) -> None:
        self._secret = secret

    def key(self, account: str, *, fresh: bool = False) -> str:
        """Return the key of `account`, at most five minutes old, or read this moment if `fresh`.

        That there is none is never said from memory: somebody may just have set it.

        Raises:
            NoKey: it is not set, malformed, unknown or can not be read.
        """
        try:
            return _key_in(self._read(fresh=fresh), account)
        except NoKey:
            if fresh:
                raise
            return _key_in(self._read(fresh=True), account)

    def _read(self, *, fresh: bool) -> str:
        try:
            return self._secret.read(fresh=fresh)
        except SecretMissing as error:
            raise NoKey(_MISSING[error.cause]) from None


def _key_in(secret: str, account: str) -> str:
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


def is_well_formed(key: str) -> bool:
    """Whether a key can go into a header; the HTTP library would quote another in its exception."""
    return bool(key) and key.isascii() and key.isprintable() and " " not in key


def _checked(key: str) -> str:
    if not key:
        raise NoKey(_NOT_SET)
    if not is_well_formed(key):
        raise NoKey(_MALFORMED)
    return key
