"""The short form of ``make soak``."""

from dataclasses import replace

from local.soak import VISIBILITY_SECONDS, run_baseline, run_ours


def test_every_promise_is_kept() -> None:
    result = run_ours(200, 0, seed=1)

    assert result.broken_promises() == []
    assert result.liked > 130


def test_a_killed_worker_breaks_none() -> None:
    result = run_ours(200, 5, seed=1)

    # The load takes two windows, so that the time in which what was received stays hidden shows in the drain.
    assert replace(result, seconds=result.seconds - result.kills * VISIBILITY_SECONDS).broken_promises() == []
    assert result.kills > 2
    assert result.liked > 130


def test_the_usual_way_breaks_them() -> None:
    """What measures the promises can see them broken."""
    broken = run_baseline(150, seed=1).broken_promises()

    assert "every request ends as liked, or rejected with its reason" in broken
    assert "nothing is paid for twice but where a kill fell between call and settling, or the ledger was away" in broken
