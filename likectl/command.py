"""What every command has in common: its options, its exit status, and one line for whatever goes wrong."""

import functools
import inspect
import re
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Concatenate, Final

import typer
from botocore.exceptions import BotoCoreError, ClientError

from likectl.deployment import DEFAULT_STACK, Deployment
from likectl.problems import Exit, Problem, explain
from likectl.run import Run
from likes.payload import ACCOUNT_PATTERN


def _account(name: str) -> str:
    if not re.fullmatch(ACCOUNT_PATTERN, name):
        raise typer.BadParameter("1 to 64 letters, digits, dots, dashes or underscores.")
    return name


Account = Annotated[str, typer.Option(callback=_account, help="One of the owner's X accounts.", metavar="NAME")]
"""The option ``--account``."""

_COMMON: Final[dict[str, tuple[Any, Any]]] = {
    "stack": (Annotated[str, typer.Option(help="The stack's name.", metavar="NAME")], DEFAULT_STACK),
    "region": (
        Annotated[str | None, typer.Option(help="Its AWS region.", envvar="AWS_REGION", metavar="NAME")],
        None,
    ),
    "profile": (Annotated[str | None, typer.Option(help="Profile of the AWS configuration.", metavar="NAME")], None),
    "json": (Annotated[bool, typer.Option("--json", help="Print JSON, for a program.")], False),
}


def add[**P](
    app: typer.Typer,
    function: Callable[Concatenate[Run, P], Exit | None],
    *examples: str,
    name: str | None = None,
    takes_anything: bool = False,
) -> None:
    """Make `function` a command of `app`, with the common options and with examples in its help.

    Its first parameter is the `Run`, the others are its own arguments and options. It returns the exit status. One that
    `takes_anything` finds arguments that nobody asked for in its context, and they are not repeated on the screen.
    """

    @functools.wraps(function)
    def command(*args: Any, **options: Any) -> None:
        stack, region, profile, json = (options.pop(option) for option in _COMMON)
        run = Run.start(Deployment(stack, region, profile), json=json)
        raise typer.Exit(_guarded(run, functools.partial(function, run, *args, **options)))

    signature = inspect.signature(function)
    own = list(signature.parameters.values())[1:]
    common = [
        inspect.Parameter(option, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)
        for option, (annotation, default) in _COMMON.items()
    ]
    parameters = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own] + common
    # typer reads the options from these.
    command.__signature__ = signature.replace(parameters=parameters, return_annotation=None)  # type: ignore[attr-defined]  # a function takes any attribute
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    epilog = "Examples:" if len(examples) > 1 else "Example:"
    epilog += "".join(f"\n\n`{example}`" for example in examples)
    settings = {"allow_extra_args": takes_anything, "ignore_unknown_options": takes_anything}
    app.command(name, epilog=epilog, context_settings=settings)(command)


def _guarded(run: Run, work: Callable[[], Exit | None]) -> Exit:
    """Do the work and return the exit status; whatever goes wrong is one line on standard error."""
    try:
        return work() or Exit.OK
    except Problem as problem:
        failure = problem
    except (BotoCoreError, ClientError) as error:
        failure = explain(error)
    except (KeyboardInterrupt, typer.Abort):
        return Exit.INTERRUPTED
    except BrokenPipeError:  # whoever read our output has seen enough; typer ends us quietly
        raise
    except Exception as error:  # noqa: BLE001 - a traceback may show a key, and helps nobody at a terminal
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(place.filename).name}:{place.lineno}"
        failure = Problem(f"A defect in likectl ({type(error).__name__} at {where}). Please report it.")
    run.note(f"likectl: {failure.line}", "bold red")
    return failure.exit
