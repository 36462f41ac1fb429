"""The dashboard is whole, and shows metrics that there are."""

import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from local.dashboard import COLUMNS, PICTURE, body, digest, draw
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


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("Likes by outcome", {"Liked", "AlreadyLiked", "Rejected", "Limited", "Blocked", "Unavailable"}),
        ("Age of the oldest waiting like, hours", {"ApproximateAgeOfOldestMessage"}),
        ("Limits used by all accounts, percent of one account's", {"Liked", "/ 50", "/ 1000"}),
        ("Time in the gateway, milliseconds", {"UpstreamLatency"}),
        ("Webhooks", {"WebhookAccepted", "WebhookRefused"}),
        ("Paid for likes at 0.015 USD each", {"Liked", "* 0.015"}),
    ],
)
def test_a_glance_tells_what_an_operator_asks_first(dashboard: dict[str, Any], title: str, shown: set[str]) -> None:
    (widget,) = [each for each in dashboard["widgets"] if each["properties"].get("title") == title]
    metrics = widget["properties"]["metrics"]
    formulas = [metric[0]["expression"] for metric in metrics if isinstance(metric[0], dict)]
    names = {metric[1] for metric in metrics if isinstance(metric[0], str)}
    divisors_and_factors = {part for formula in formulas for part in re.findall(r"[/*] [\d.]+", formula)}

    assert names | divisors_and_factors - {"/ 3600"} == shown


def test_it_can_be_drawn(dashboard: dict[str, Any], tmp_path: Path) -> None:
    draw(dashboard, tmp_path / "dashboard.png")

    assert (tmp_path / "dashboard.png").stat().st_size > 10_000


def test_the_picture_in_the_docs_is_of_this_definition(dashboard: dict[str, Any]) -> None:
    with Image.open(PICTURE) as picture:
        assert picture.info["Source"] == digest(dashboard), "make dashboard"
