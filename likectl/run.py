"""One run of a command: the stack it is for, and where its words go."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import typer
from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.table import Column, Table
from rich.text import Text

from likectl.deployment import Deployment
from likectl.wording import printable


@dataclass(frozen=True)
class Run:
    """What a command works with.

    Attributes:
        stack: the deployed stack.
        json: print JSON for a program rather than words for a person.
        out: standard output, for what was asked for.
        err: standard error, for everything else.
    """

    stack: Deployment
    json: bool
    out: Console
    err: Console

    @classmethod
    def start(cls, stack: Deployment, *, json: bool) -> "Run":
        """Return a run on this process's own streams."""
        return cls(stack, json, _console(), _console(stderr=True))

    @property
    def is_interactive(self) -> bool:
        """Whether a person is there to answer."""
        return sys.stdin.isatty()

    def answer(self, value: Any, *shown: RenderableType) -> None:
        """Give the command's result: `value` as JSON if that was asked for, else what is to be shown of it."""
        if self.json:
            typer.echo(json.dumps(value))
        else:
            for part in shown:
                self.out.print(part)

    def copyable(self, text: str) -> None:
        """Print text that somebody will copy: nothing is wrapped."""
        self.out.print(printable(text), soft_wrap=True)

    def note(self, text: str, style: str = "") -> None:
        """Say something on standard error, on one line however long it is."""
        self.err.print(Text(printable(text), style), soft_wrap=True)

    def ask_secret(self, question: str) -> str:
        """Return what was typed without being shown, or piped in."""
        if not self.is_interactive:
            return sys.stdin.readline()
        text: str = typer.prompt(f"{question} (not shown)", hide_input=True, err=True)
        return text

    def progress(self) -> Progress:
        """Return a progress bar with its rate, silent where nobody watches."""
        return Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            _Rate(),
            TimeRemainingColumn(compact=True),
            console=self.err,
            expand=True,
            disable=self.json or not self.err.is_terminal,
        )


class _Rate(ProgressColumn):
    """How many a second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f}/s")


def table(*columns: str | Column, rows: Sequence[tuple[str, ...]]) -> Table:
    """Return a table that loses no text, however narrow the terminal is."""
    built = Table(*columns, box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in built.columns:
        column.overflow = "fold"
    for row in rows:
        built.add_row(*(printable(cell) for cell in row))
    return built


def _console(*, stderr: bool = False) -> Console:
    return Console(stderr=stderr, markup=False, emoji=False, highlight=False)
