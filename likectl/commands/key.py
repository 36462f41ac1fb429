"""``likectl key set`` and ``key rotate``: the AIsa keys, which no command line and no screen ever holds."""

import typer

from likectl import probe
from likectl.command import Account
from likectl.problems import Exit, Problem
from likectl.run import Run
from likectl.stored import Secret, read_keys, write_keys
from likes.keys import is_well_formed
from likes.payload import DEFAULT_ACCOUNT


def set_key(run: Run, context: typer.Context, account: Account = DEFAULT_ACCOUNT) -> None:
    """Store an account's first AIsa key.

    It is asked for, or read from standard input, and never shown. The gateway is asked whether it accepts the key;
    nothing is liked and nothing is spent.
    """
    _refuse_arguments(context)
    secret = Secret(run.stack.output("AisaSecretArn"), run.stack.secrets)
    if read_keys(secret).get(account):
        raise Problem(f"{account} has a key already. likectl key rotate replaces it.", Exit.USAGE)
    _store(run, secret, account, _ask(run, account))


def rotate_key(run: Run, context: typer.Context, account: Account = DEFAULT_ACCOUNT) -> None:
    """Replace an account's AIsa key.

    The functions use the new one within five minutes, without a deployment. They use it at once when the gateway
    refuses the old one, so the old one can be revoked right after.
    """
    _refuse_arguments(context)
    secret = Secret(run.stack.output("AisaSecretArn"), run.stack.secrets)
    old = read_keys(secret).get(account)
    if not old:
        raise Problem(f"{account} has no key yet. likectl key set stores the first one.", Exit.USAGE)
    new = _ask(run, account)
    if new == old:
        raise Problem("That is the key that is stored already. Nothing was changed.", Exit.USAGE)
    _store(run, secret, account, new)


def _refuse_arguments(context: typer.Context) -> None:
    if context.args:
        line = "A key is never an argument: the shell's history has it now. Revoke it, and run this without."
        raise Problem(line, Exit.USAGE)


def _ask(run: Run, account: str) -> str:
    key = run.ask_secret(f"AIsa key of {account}").strip()
    if not is_well_formed(key) or key.startswith("{"):
        raise Problem("That is not a key: it must be printable ASCII without blanks. Nothing was changed.", Exit.USAGE)
    return key


def _store(run: Run, secret: Secret, account: str, key: str) -> None:
    outcome = probe.try_key(run.stack.gateway, key)
    if outcome.reason == "key_refused":
        raise Problem("The gateway does not accept this key. Nothing was changed.", Exit.FAILED)
    write_keys(secret, read_keys(secret) | {account: key})
    is_accepted = probe.accepts(outcome)
    result = {"account": account, "stored": True, "gateway": "accepted" if is_accepted else outcome.reason}
    words = [f"Stored the key of {account}. The functions use it within five minutes, and at once if they are refused."]
    if not is_accepted:
        words.append(f"The gateway did not confirm it: {outcome.detail}")
    words.append(f"If the account was on hold for its key: likectl unhold --account {account}")
    run.answer(result, *words)
