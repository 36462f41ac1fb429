"""The dashboard is whole, and shows metrics that there are."""

import re
from pathlib import Path
from typing import Any

import pytest

from local.dashboard import COLUMNS, body, draw
from local.template import read

SOURCES = "".join(path.read_text() for path in (Path(__file__).parents[2] / "src" / "likes").glob("*.py"))


@pytest.fixture(scope="module")
def dashboard() -> dict[str, Any]:
    return body(read())


def test_widgets_do_not_cover_one_another(dashboard: dict[str, Any]) -> None:
    covered = [
        (x, y)
        for widget in dashboard["widgets"]
        for x in range(widget["x"], widget["x"] + widget["width"])
        for y in range(widget["y"], widget["y"] + widget["height"])
    ]

    assert len(covered) == len(set(covered))
    assert max(x for x, _ in covered) < COLUMNS


def test_it_shows_metrics_that_the_functions_emit(dashboard: dict[str, Any]) -> None:
    shown = {
        (metric[1], metric[5])
        for widget in dashboard["widgets"]
        for metric in widget["properties"].get("metrics", [])
        if metric[0] == "TweetLikes"
    }

    assert {name for name, _ in shown} >= {"Liked", "Rejected", "Blocked", "WebhookRefused", "UpstreamLatency"}
    for name, trigger in shown:
        assert f'TRIGGER: Final = "{trigger}"' in SOURCES
        assert f'"{name}"' in SOURCES or re.fullmatch("Webhook(Accepted|Refused)", name)


def test_it_can_be_drawn(dashboard: dict[str, Any], tmp_path: Path) -> None:
    draw(dashboard, tmp_path / "dashboard.png")

    assert (tmp_path / "dashboard.png").stat().st_size > 10_000
