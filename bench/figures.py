"""What is promised of each measure, and the table that shows it."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.samples import Samples


@dataclass(frozen=True)
class Figure:
    """One promise.

    Attributes:
        name: what is measured.
        value: what it came to.
        limit: the most that it may come to; None where it is only told.
        unit: of both; empty for ratios.
        shown: how the value came about, e.g. ``520 / 450 ms``.
    """

    name: str
    value: float
    limit: float | None
    unit: str = ""
    shown: str = ""

    @property
    def is_kept(self) -> bool:
        """Whether the promise is kept."""
        return self.limit is None or self.value <= self.limit


def ratio(name: str, of: Samples, to: Samples, limit: float | None) -> Figure:
    """Return the figure that compares durations of the same rounds, in seconds: the median of their ratios."""
    return Figure(name, (of / to).median, limit, shown=f"{of.median * 1e3:.1f} / {to.median * 1e3:.1f} ms")


def table(figures: Sequence[Figure]) -> str:
    """Return the figures as a table in Markdown."""
    rows = [("figure", "measured", "limit", "from", "kept"), ("---", "--:", "--:", "--:", ":-:")]
    for figure in figures:
        limit = "" if figure.limit is None else f"{figure.limit:.2f} {figure.unit}".strip()
        kept = "" if figure.limit is None else ("yes" if figure.is_kept else "**no**")
        rows.append((figure.name, f"{figure.value:.2f} {figure.unit}".strip(), limit, figure.shown, kept))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    )
