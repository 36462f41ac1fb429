"""The command line: every command, with an example of its use."""

import typer

from likectl.command import add
from likectl.commands.doctor import doctor
from likectl.commands.failures import drop, failures, redrive
from likectl.commands.key import rotate_key, set_key
from likectl.commands.lanes import pause, resume, unhold
from likectl.commands.link import link
from likectl.commands.send import send
from likectl.commands.source import add_source, list_sources, remove_source, test_source
from likectl.commands.status import status

HELP = """Operate a deployed stack: link an account, see that it works, feed it, mend it.

In the project's folder, `pipx install --python python3.13 '.[cli]'` installs it. `uvx --from '.[cli]' likectl` runs it
without, and so does `make likectl ARGS=doctor`; both find or fetch that Python.

Exit status: 0 done; 1 done, but something is not as it should be; 2 wrong use; 3 no such stack, or a part of it is
gone; 4 no credentials or no permission; 5 AWS, the gateway or the API does not answer; 6 refused for another reason;
130 interrupted.
"""


def _app(help: str) -> typer.Typer:  # noqa: A002 - typer's word
    return typer.Typer(
        help=help,
        no_args_is_help=True,
        rich_markup_mode="markdown",
        add_completion=False,
        pretty_exceptions_enable=False,
    )


app = _app(HELP)
key = _app("Store and replace AIsa keys.")
source = _app("Let senders of webhooks in and out.")

add(app, link, "likectl link --open", "likectl link --account brand-a")
app.add_typer(key, name="key")
add(
    key,
    set_key,
    "likectl key set",
    "pass show aisa/brand-a | likectl key set --account brand-a",
    name="set",
    takes_anything=True,
)
add(key, rotate_key, "likectl key rotate --account brand-a", name="rotate", takes_anything=True)
app.add_typer(source, name="source")
add(
    source,
    add_source,
    "likectl source add crm --tweet data.tweet_url",
    "likectl source add github --scheme hmac --header X-Hub-Signature-256 --prefix sha256=",
    name="add",
)
add(source, list_sources, "likectl source list", name="list")
add(source, test_source, "likectl source test crm", name="test")
add(source, remove_source, "likectl source remove crm", name="remove")
add(app, doctor, "likectl doctor", "likectl doctor --stack tweet-likes-prod --json")
add(app, status, "likectl status --watch", "likectl status --json")
add(
    app,
    send,
    "likectl send tweets.csv --account brand-a",
    "likectl send --dry-run tweets.txt",
    "likectl send 1346889436626259968 https://x.com/jack/status/20",
)
add(app, failures, "likectl failures --reason tweet_not_found", "likectl failures --json")
add(app, redrive, "likectl redrive --reason unknown_account", "likectl redrive --limit 10")
add(app, drop, "likectl drop --reason tweet_not_found")
add(app, pause, "likectl pause")
add(app, resume, "likectl resume")
add(app, unhold, "likectl unhold --account brand-a")
