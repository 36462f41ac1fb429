"""``likectl status``, ``unhold``, ``pause`` and ``resume``."""

import json
import time

import boto3
import pytest

from tests.likectl.conftest import BRAND_KEY, KEY, FakeStack, likectl


def log(*lines: dict[str, str], group: str = "worker-logs") -> None:
    """Write log lines as the functions do, now."""
    logs = boto3.client("logs")
    logs.create_log_stream(logGroupName=group, logStreamName="1")
    events = [{"timestamp": round(time.time() * 1000), "message": json.dumps(line)} for line in lines]
    logs.put_log_events(logGroupName=group, logStreamName="1", logEvents=events)  # type: ignore[arg-type]  # they are


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
        "last_hour": {},
    }
    assert state["queue"] == {"waiting": 2, "hidden": 0, "oldest_seconds": None}
    assert state["rejected"] == 1
    assert state["worker"] == "Enabled"


def test_a_hold_that_is_over_is_none(stack: FakeStack) -> None:
    hold(stack, -1)

    assert likectl("status", "--json").json["accounts"][0]["hold"] is None


def test_unhold_clears_the_hold_and_raises_the_revision(stack: FakeStack) -> None:
    hold(stack, 600)

    run = likectl("unhold")

    assert run.status == 0
    assert "no longer on hold (rate_limited)" in run.out
    item = stack.account("default")
    assert not [name for name in item if name.startswith("hold_")]
    assert item["revision"] == {"N": "8"}
    assert item["window_used"] == {"N": "50"}, "the limits still count"


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
