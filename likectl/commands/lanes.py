"""``likectl unhold``, ``pause`` and ``resume``: whether likes are made."""

import time
from typing import Final

from likectl.accounts import Accounts
from likectl.command import Account
from likectl.problems import Exit, Problem
from likectl.run import Run
from likectl.wording import duration
from likes.payload import DEFAULT_ACCOUNT
from likes.queues import LONGEST_VISIBILITY_SECONDS

PATIENCE_SECONDS: Final = 120.0
_POLL_SECONDS: Final = 1.0


def unhold(run: Run, account: Account = DEFAULT_ACCOUNT) -> None:
    """End an account's hold.

    Mend its cause first. A like over HTTP is tried at once. The account's lane in the queue moves when the messages
    come back that the worker has hidden because of the hold: when it would have ended, within 12 hours at most. SQS
    lets nobody call them back; the answer says how long that takes.
    """
    hold = Accounts(run.stack.output("StateTableName"), run.stack.dynamodb).clear_hold(account)
    if hold is None:
        run.answer({"account": account, "cleared": None}, f"{account} was not on hold.")
        return
    left = min(max(0.0, hold.until - time.time()), LONGEST_VISIBILITY_SECONDS)
    cleared = {"kind": hold.kind, "reason": hold.reason, "until": hold.until}
    words = [f"{account} is no longer on hold ({hold.reason}). A like over HTTP is tried at once."]
    if left:
        words.append(f"Its lane moves within {duration(left)}, when what is hidden because of it comes back.")
    run.answer({"account": account, "cleared": cleared, "lane_moves_within_seconds": round(left)}, *words)


def pause(run: Run) -> None:
    """Stop the worker.

    Likes wait in the queue, for 13 days at most. Likes over HTTP are made all the same.
    """
    _switch(run, enabled=False)


def resume(run: Run) -> None:
    """Start the worker again."""
    _switch(run, enabled=True)


def _switch(run: Run, *, enabled: bool) -> None:
    wanted = "Enabled" if enabled else "Disabled"
    mapping = run.stack.event_source()
    if mapping.get("State") != wanted:
        run.stack.functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=enabled)
        end = time.monotonic() + PATIENCE_SECONDS
        while (state := run.stack.event_source().get("State")) != wanted:
            if time.monotonic() > end:
                raise Problem(
                    f"AWS still says {state} after {PATIENCE_SECONDS:.0f} s. Ask likectl status.", Exit.FAILED
                )
            time.sleep(_POLL_SECONDS)
    words = "The worker runs." if enabled else "The worker is paused. likectl resume starts it again."
    run.answer({"worker": wanted}, words)
