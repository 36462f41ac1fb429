"""``likectl status``, ``unhold``, ``pause`` and ``resume``."""

import json
import re
import time
from typing import Any

import boto3
import pytest

from tests.likectl.conftest import BRAND_KEY, KEY, FakeStack, likectl


def log(*lines: dict[str, Any], group: str = "worker-logs", ago: float = 0) -> None:
    """Write log lines as the functions do, so many seconds ago."""
    logs = boto3.client("logs")
    stream = f"{ago}"
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
    events = [{"timestamp": round((time.time() - ago) * 1000), "message": json.dumps(line)} for line in lines]
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)  # type: ignore[arg-type]  # they are


def hold(stack: FakeStack, seconds: float) -> None:
    now = round(time.time() * 1000)
    stack.put_account(
        "default",
        window_used=50,
        window_ends_at=now + 600_000,
        day_used=120,
        day_ends_at=now - 1,
        hold_until=now + round(seconds * 1000),
        hold_seconds=600_000,
        hold_kind="limited",
        hold_reason="rate_limited",
    )


def test_status_tells_each_account_and_the_backlog(stack: FakeStack) -> None:
    stack.secret = json.dumps({"default": KEY, "brand-a": BRAND_KEY})
    hold(stack, 600)
    log(
        {"message": "like", "account": "default", "outcome": "liked"},
        {"message": "like", "account": "default", "outcome": "liked"},
        {"message": "like", "account": "unknown", "outcome": "rejected"},
        {"message": "webhook", "account": "default", "outcome": "accepted"},
    )
    assert likectl("send", "20", "21").status == 0
    stack.reject("22")

    state = likectl("status", "--json").json

    accounts = {account["account"]: account for account in state["accounts"]}
    assert list(accounts) == ["default", "brand-a", "unknown"]
    assert accounts["default"]["hold"]["reason"] == "rate_limited"
    assert accounts["default"]["window"]["used"] == 50
    assert accounts["default"]["day"] == {"used": 0, "limit": 1000, "ends_at": None}, "that day is over"
    assert accounts["default"]["last_hour"] == {"liked": 2}
    assert accounts["unknown"]["last_hour"] == {"rejected": 1}
    assert accounts["brand-a"] | {"account": ""} == {
        "account": "",
        "hold": None,
        "window": {"used": 0, "limit": 50, "ends_at": None},
        "day": {"used": 0, "limit": 1000, "ends_at": None},
        "lane": None,
        "last_hour": {},
    }
    assert state["queue"] == {"waiting": 2, "hidden": 0, "oldest_seconds": None}
    assert state["rejected"] == 1
    assert state["worker"] == "Enabled"


def tried(account: str, outcome: str, *, age: float, wait: float | None = None) -> dict[str, Any]:
    """Return the worker's line of a like that had been queued for `age` seconds, and waits until `wait` from now."""
    retry_at = None if wait is None else time.time() + wait
    line = {"message": "like", "account": account, "outcome": outcome}
    return line | {"queue_age_ms": round(age * 1000), "retry_at": retry_at}


def lane(account: str) -> dict[str, Any] | None:
    accounts = {one["account"]: one["lane"] for one in likectl("status", "--json").json["accounts"]}
    found: dict[str, Any] | None = accounts[account]
    return found


@pytest.mark.usefixtures("stack")
def test_a_lane_that_waits_grows_older_and_is_seen_for_hours() -> None:
    log(tried("default", "limited", age=3_600, wait=1_800), ago=7_200)

    waiting = lane("default")

    assert waiting
    assert abs(waiting["age_seconds"] - 10_800) < 60
    assert abs(waiting["retry_at"] - time.time() - 1_800) < 60
    shown = " ".join(likectl("status", env={"COLUMNS": "200"}).out.split())
    assert re.search(r"3 h( \d+ s)? old, waits (30 min|29 min \d+ s) more", shown)


@pytest.mark.usefixtures("stack")
def test_a_lane_that_has_moved_on_shows_how_late_its_last_like_was() -> None:
    log(tried("default", "unavailable", age=100, wait=300), tried("brand-a", "limited", age=60, wait=-5), ago=600)
    log(tried("default", "liked", age=700), {"message": "like", "account": "default", "outcome": "limited"}, ago=60)

    moved, due = lane("default"), lane("brand-a")

    assert moved
    assert due
    assert (moved["age_seconds"], moved["retry_at"]) == (pytest.approx(700, abs=0.01), None)
    assert due["age_seconds"] == pytest.approx(660, abs=60)
    shown = likectl("status", env={"COLUMNS": "200"}).out
    assert "  11 min 40 s old  " in shown
    assert " old, due" in shown


@pytest.mark.usefixtures("stack")
def test_what_was_tried_long_ago_and_is_over_tells_nothing_of_a_lane() -> None:
    log(tried("default", "limited", age=3_600, wait=-1_800), tried("default", "liked", age=3_600), ago=7_200)

    assert lane("default") is None
    assert "not tried" in likectl("status").out


def test_a_hold_that_is_over_is_none(stack: FakeStack) -> None:
    hold(stack, -1)

    assert likectl("status", "--json").json["accounts"][0]["hold"] is None


def test_unhold_clears_the_hold_and_raises_the_revision(stack: FakeStack) -> None:
    hold(stack, 600)

    run = likectl("unhold")

    assert run.status == 0
    assert "no longer on hold (rate_limited)" in run.out
    assert re.search(r"Its lane moves within (10 min|9 min 5\d s)", run.out)
    item = stack.account("default")
    assert not [name for name in item if name.startswith("hold_")]
    assert item["revision"] == {"N": "8"}
    assert item["window_used"] == {"N": "50"}, "the limits still count"


def test_a_lane_waits_no_longer_than_sqs_hides_messages(stack: FakeStack) -> None:
    hold(stack, 3 * 86_400)

    assert likectl("unhold", "--json").json["lane_moves_within_seconds"] == 43_000


def test_unhold_of_a_free_account_changes_nothing(stack: FakeStack) -> None:
    stack.put_account("brand-a", window_used=1)

    run = likectl("unhold", "--account", "brand-a", "--json")

    assert run.json == {"account": "brand-a", "cleared": None}
    assert stack.account("brand-a")["revision"] == {"N": "7"}
    assert likectl("unhold", "--account", "nobody", "--json").json["cleared"] is None


@pytest.mark.usefixtures("stack")
def test_pause_and_resume_are_seen_by_status() -> None:
    assert likectl("pause").status == 0
    assert likectl("pause").status == 0, "again is fine"
    assert "paused" in likectl("status").out

    assert likectl("resume", "--json").json == {"worker": "Enabled"}

    assert "paused" not in likectl("status").out
