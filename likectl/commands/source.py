"""``likectl source add``, ``list``, ``test`` and ``remove``: who may send webhooks."""

import re
from enum import StrEnum
from typing import Annotated, Any

import requests
import typer

from likectl import webhooks
from likectl.command import Account
from likectl.http import session
from likectl.problems import Exit, Problem
from likectl.run import Run, table
from likectl.stored import Secret, read_sources, write_sources
from likes.payload import DEFAULT_ACCOUNT
from likes.signatures import LEAST_SECRET_BYTES

Name = Annotated[str, typer.Argument(help="The source's name, the last part of its address.", show_default=False)]


class SchemeName(StrEnum):
    """How a sender proves itself."""

    STANDARD_WEBHOOKS = "standard-webhooks"
    TOKEN = "token"  # noqa: S105 - a scheme's name
    HMAC = "hmac"
    SLACK = "slack"


class Encoding(StrEnum):
    """How an HMAC is written."""

    HEX = "hex"
    BASE64 = "base64"


def add_source(
    run: Run,
    name: Name,
    scheme: Annotated[SchemeName, typer.Option(help="How the sender proves itself.")] = SchemeName.STANDARD_WEBHOOKS,
    account: Account = DEFAULT_ACCOUNT,
    tweet: Annotated[
        str | None, typer.Option(help="JMESPath expression that finds the tweet in the body.", metavar="EXPRESSION")
    ] = None,
    header: Annotated[str | None, typer.Option(help="The header with the token or the HMAC.", metavar="NAME")] = None,
    prefix: Annotated[str | None, typer.Option(help="What stands before an HMAC, e.g. sha256=.")] = None,
    encoding: Annotated[Encoding | None, typer.Option(help="How an HMAC is written; hex if absent.")] = None,
    own_secret: Annotated[
        bool, typer.Option("--own-secret", help="Ask for the secret that the sender gave you; always so for slack.")
    ] = False,
) -> None:
    """Let a sender in.

    It makes the sender's secret, stores it, and prints what to paste there. It needs no deployment. With `hmac`, name
    the header too: GitHub's is `X-Hub-Signature-256`, its prefix `sha256=`.
    """
    if not re.fullmatch(webhooks.NAME_PATTERN, name):
        raise Problem("A source's name is 1 to 64 letters, digits, dots, dashes, underscores or tildes.", Exit.USAGE)
    secret = _secret(run)
    sources = read_sources(secret)
    if name in sources:
        raise Problem(f"There is a source {name} already. likectl source remove {name} shuts it out.", Exit.USAGE)
    is_given = own_secret or scheme is SchemeName.SLACK
    shared = _ask(run) if is_given else webhooks.new_secret(scheme)
    options = {"account": account, "tweet": tweet, "header": header, "prefix": prefix, "encoding": encoding}
    entry: dict[str, Any] = {"scheme": scheme.value, "secrets": [shared]}
    entry |= {field: str(value) for field, value in options.items() if value is not None}
    if mistake := webhooks.mistake(entry):
        raise Problem(f"{mistake}. Nothing was changed.", Exit.USAGE)
    write_sources(secret, sources | {name: entry})
    address, proof = _address(run, name), webhooks.header_of(entry)
    lines = [("Address", address)]
    if scheme is SchemeName.TOKEN:
        token = "the secret that you gave" if is_given else shared
        lines.append(("Header", f"{proof}: {token}" if header else f"{proof}: Bearer {token}"))
    elif not is_given:
        lines.append(("Secret", shared))
    if scheme is SchemeName.HMAC:
        lines.append(("Header", f"{proof}: {prefix or ''}HMAC-SHA256 of the body in {encoding or Encoding.HEX}"))
    if run.json:
        run.answer({"source": name, "url": address, "header": proof, "secret": None if is_given else shared})
        return
    run.copyable(f"The source {name} likes for {account}. Paste at the sender:")
    for label, value in lines:
        run.copyable(f"  {label:<7}  {value}")
    run.copyable(f"Then: likectl source test {name}")


def list_sources(run: Run) -> Exit:
    """Show the sources, and what is wrong with any.

    Their secrets are not shown.
    """
    sources = read_sources(_secret(run))
    found = [_described(run, name, entry) for name, entry in sources.items()]
    rows = [
        (one["source"], one["scheme"], one["account"], one["tweet"], str(one["secrets"]), one["mistake"] or "ok")
        for one in found
    ]
    if run.json or rows:
        run.answer(found, table("Source", "Scheme", "Account", "Tweet", "Secrets", "State", rows=rows))
    else:
        run.note("There are no sources. likectl source add makes one.")
    if rows and not run.json:
        run.copyable(f"Their addresses: {_address(run, 'SOURCE')}")
    return Exit.FINDINGS if any(one["mistake"] for one in found) else Exit.OK


def test_source(
    run: Run,
    name: Name,
    url: Annotated[
        str | None, typer.Option(help="Base address of the API, if it has another than the stack's.", metavar="URL")
    ] = None,
) -> Exit:
    """Send a signed test.

    It names no tweet: it shows that the source works, and likes nothing.
    """
    entry = _entry(run, name)
    if mistake := webhooks.mistake(entry):
        raise Problem(f"The source {name} is wrong: {mistake}.", Exit.FINDINGS)
    headers, body = webhooks.signed_test(entry)
    address = f"{(url or run.stack.output('ApiUrl')).rstrip('/')}/webhooks/{name}"
    try:
        answer = session(address).post(address, data=body, headers=headers, timeout=(5, 15), allow_redirects=False)
    except requests.RequestException as error:
        line = f"{address} does not answer ({type(error).__name__}). Check the network and the address."
        raise Problem(line, Exit.UNREACHABLE) from None
    works, sentence = webhooks.verdict(answer.status_code, answer.content)
    run.answer({"source": name, "url": address, "status": answer.status_code, "works": works}, sentence)
    return Exit.OK if works else Exit.FINDINGS


def remove_source(run: Run, name: Name) -> None:
    """Shut a sender out.

    Functions that are running may know it for five minutes more.
    """
    secret = _secret(run)
    _entry(run, name)
    write_sources(secret, {other: entry for other, entry in read_sources(secret).items() if other != name})
    run.answer({"source": name, "removed": True}, f"The source {name} is removed. It is shut out within five minutes.")


def _ask(run: Run) -> str:
    """Return the secret that was typed without echo, or piped in."""
    text = run.ask_secret("The sender's secret").strip()
    if len(text.encode()) < LEAST_SECRET_BYTES:
        raise Problem(f"A secret has at least {LEAST_SECRET_BYTES} characters. Nothing was changed.", Exit.USAGE)
    return text


def _secret(run: Run) -> Secret:
    return Secret(run.stack.output("WebhookSecretArn"), run.stack.secrets)


def _entry(run: Run, name: str) -> Any:
    sources = read_sources(_secret(run))
    if name not in sources:
        raise Problem("There is no such source. likectl source list shows them.", Exit.MISSING)
    return sources[name]


def _address(run: Run, name: str) -> str:
    return f"{run.stack.output('ApiUrl')}/webhooks/{name}"


def _described(run: Run, name: str, entry: Any) -> dict[str, Any]:
    fields = entry if isinstance(entry, dict) else {}
    keys = fields.get("secrets")
    return {
        "source": name,
        "scheme": str(fields.get("scheme", "")),
        "account": str(fields.get("account", DEFAULT_ACCOUNT)),
        "tweet": str(fields.get("tweet", "")),
        "secrets": len(keys) if isinstance(keys, list) else 0,
        "url": _address(run, name),
        "mistake": webhooks.mistake(entry),
    }
