"""The benchmark's figures: what is kept, and how it is shown."""

import json
from pathlib import Path

import pytest

from bench.figures import Figure, ratio, table
from bench.packages import FLOORS, OURS
from bench.samples import Samples

RECORDED = Path(__file__).parents[2] / "bench" / "recorded.json"


@pytest.mark.parametrize(
    ("value", "limit", "is_kept"), [(1.0, 1.25, True), (1.25, 1.25, True), (1.26, 1.25, False), (9.0, None, True)]
)
def test_a_figure_is_kept_up_to_its_limit(value: float, limit: float | None, is_kept: bool) -> None:
    assert Figure("start", value, limit).is_kept is is_kept


def test_the_table_shows_what_is_missed() -> None:
    lines = table(
        [ratio("start", Samples((0.5,)), Samples((0.25,)), 1.25), Figure("resident", 48.0, 60.0, "MB")]
    ).splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]

    assert cells == [
        ["start", "2.00", "1.25", "500.0 / 250.0 ms", "**no**"],
        ["resident", "48.00 MB", "60.00 MB", "", "yes"],
    ]


def test_a_ratio_compares_what_was_measured_in_the_same_round() -> None:
    ours, theirs = Samples((1.0, 2.0, 40.0)), Samples((1.0, 2.0, 20.0))

    assert ratio("start", ours, theirs, None).value == 1.0


def test_what_is_recorded_is_what_is_compared() -> None:
    pairs = zip(OURS, FLOORS, strict=True)
    names = {f"{what}, {ours.name} / {floor.name}" for ours, floor in pairs for what in ("start", "warm")}

    assert json.loads(RECORDED.read_text()).keys() == names
