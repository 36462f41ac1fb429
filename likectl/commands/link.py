"""``likectl link``: lets the gateway act for an X account, by its owner's consent."""

import time
import webbrowser
from datetime import datetime
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import requests
import segno
import typer
from rich.text import Text

from likectl.command import Account
from likectl.http import session
from likectl.problems import Exit, Problem
from likectl.run import Run
from likectl.stored import Secret, read_keys
from likectl.wording import duration, printable
from likes.payload import DEFAULT_ACCOUNT

PATH: Final = "/apis/v1/twitter/auth_twitter"
SCOPES: Final = ("like.write", "tweet.read", "users.read")
USUAL_SECONDS: Final = 600.0

_MARGIN: Final = 4  # modules around a QR code, as its standard asks for


def link(
    run: Run,
    account: Account = DEFAULT_ACCOUNT,
    open_it: Annotated[bool, typer.Option("--open", help="Open the address in a browser.")] = False,
) -> None:
    """Link an X account to its AIsa key.

    It shows the address at which the account's owner approves, as text and as a QR code, and how long it lives. It asks
    for like.write, tweet.read and users.read only. The gateway has no call that tells whether an account is linked: a
    like shows it.
    """
    key = read_keys(Secret(run.stack.output("AisaSecretArn"), run.stack.secrets)).get(account)
    if not key:
        raise Problem(f"{account} has no key. likectl key set --account {account} stores one.", Exit.FAILED)
    flow = _start(run.stack.gateway.base_url, key)
    url, seconds = _url(flow, key), _seconds(flow)
    if open_it:
        webbrowser.open(url)
    if run.json:
        run.answer({"account": account, "url": url, "expires_in_seconds": round(seconds), "scopes": SCOPES})
        return
    run.copyable(
        f"Open this address, signed in to X as the owner of {account}, and approve. It lives {duration(seconds)}:"
    )
    run.copyable(url)
    code = _qr_code(url)
    if run.out.is_terminal and max(map(len, code)) <= run.out.width:
        for row in code:
            run.out.print(Text(row, "bright_white on black"))
    run.copyable(f"To check: likectl send --account {account} ID, then likectl status. One like costs 0.015 USD.")


def _start(base_url: str, key: str) -> dict[str, Any]:
    address = f"{base_url.rstrip('/')}{PATH}"
    try:
        answer = session(address).post(
            address,
            json={"aisa_api_key": key, "scopes": SCOPES},
            headers={"Authorization": f"Bearer {key}"},
            timeout=(5, 30),
            allow_redirects=False,  # the key goes to the gateway and nowhere else
        )
    except (requests.RequestException, ValueError) as error:
        raise Problem(f"The gateway does not answer ({type(error).__name__}).", Exit.UNREACHABLE) from None
    if answer.status_code == 401:
        raise Problem("The gateway does not accept the account's key. likectl key rotate replaces it.", Exit.FAILED)
    try:
        flow = answer.json()
    except ValueError:
        flow = None
    if not answer.ok or not isinstance(flow, dict):
        raise Problem(f"The gateway answered {answer.status_code} and started nothing. Try again later.", Exit.FAILED)
    inner = flow.get("data")
    return flow | inner if isinstance(inner, dict) else flow


def _url(flow: dict[str, Any], key: str) -> str:
    url = flow.get("auth_url")
    if not isinstance(url, str) or printable(url) != url or key in url or urlsplit(url).scheme not in {"http", "https"}:
        raise Problem("The gateway's answer holds no address to open.", Exit.FAILED)
    return url


def _seconds(flow: dict[str, Any]) -> float:
    """Return how long the address lives: a Unix time, in seconds or milliseconds, or a date; else what is usual."""
    expires_at, now = flow.get("expires_at"), time.time()
    if isinstance(expires_at, str):
        try:
            expires_at = float(expires_at) if expires_at.isdigit() else datetime.fromisoformat(expires_at).timestamp()
        except ValueError:
            return USUAL_SECONDS
    if not isinstance(expires_at, int | float):
        return USUAL_SECONDS
    seconds = (expires_at / 1000 if expires_at > 1e11 else expires_at) - now
    return seconds if 0 < seconds < 86_400 else USUAL_SECONDS


def _qr_code(text: str) -> list[str]:
    """Return a QR code in half blocks, its light parts drawn: as a terminal has it, light on dark."""
    modules = [list(row) for row in segno.make(text, error="l").matrix]
    side = len(modules) + 2 * _MARGIN
    light = [[True] * side for _ in range(side + side % 2)]
    for y, row in enumerate(modules, _MARGIN):
        for x, is_dark in enumerate(row, _MARGIN):
            light[y][x] = not is_dark
    halves = {(True, True): "█", (True, False): "▀", (False, True): "▄", (False, False): " "}
    return ["".join(halves[pair] for pair in zip(*light[y : y + 2], strict=True)) for y in range(0, len(light), 2)]
