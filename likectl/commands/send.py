"""``likectl send``: many likes into the queue, with what they will cost said first."""

from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Any, Final

import typer
from botocore.exceptions import BotoCoreError, ClientError

from likectl import intake, queue
from likectl.command import Account
from likectl.intake import Intake, Refusal
from likectl.problems import Exit, explain
from likectl.queue import Outgoing
from likectl.run import Run, table
from likectl.wording import count, duration
from likes.payload import DEFAULT_ACCOUNT, LikeRequest
from likes.settings import Budget

PRICE_USD: Final = 0.015
LONGEST_DAYS: Final = 13
"""The worker gives up a message that has waited so long for its turn, a day before SQS would delete it."""

SHOWN: Final = 20


def send(
    run: Run,
    tweets: Annotated[
        list[str], typer.Argument(metavar="FILE|-|ID...", help="Files, - for standard input, ids or links.")
    ],
    account: Account = DEFAULT_ACCOUNT,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would do, and queue nothing.")] = False,
    skip: Annotated[int, typer.Option(min=0, help="Leave out the first so many: they are queued already.")] = 0,
) -> Exit:
    """Queue likes, each tweet once.

    It says first what they will cost and how long the limits make them take. A file is text with one id or link on
    each line, CSV whose first line names the column `tweet_id` or `tweet_url`, or JSON lines; a column or field
    `account` says who likes. Ctrl-C stops it, and says how to go on.
    """
    taken = intake.read(tweets, account)
    requests = list(taken.requests)[skip:]
    budget = run.stack.ledger.budget
    seconds, late = _seconds(requests, budget)
    plan: dict[str, Any] = {
        "likes": len(requests),
        "skipped": min(skip, len(taken.requests)),
        "duplicates": taken.duplicates,
        "refused": [refusal._asdict() for refusal in taken.refused],
        "cost_usd": round(len(requests) * PRICE_USD, 3),
        "seconds": seconds,
        "too_late": late,
    }
    _announce(run, plan, budget, queue.backlog(run.stack.sqs, run.stack.queue_url).total)
    queued, refused = (0, list[Refusal]()) if dry_run else _queue(run, requests, skip)
    _report(run, taken, refused)
    words = "Nothing was queued: a dry run." if dry_run else f"Queued {count(queued, 'like')}."
    everything = [*taken.refused, *refused]
    run.answer(plan | {"queued": queued, "refused": [refusal._asdict() for refusal in everything]}, words)
    return Exit.FINDINGS if everything else Exit.OK


def _seconds(requests: Iterable[LikeRequest], budget: Budget) -> tuple[float, int]:
    """Return how long the limits make the likes take, seconds, and how many will be given up before their turn."""
    by_account = Counter(request.account for request in requests)
    longest, late = 0.0, 0
    for likes in by_account.values():
        days, rest = divmod(max(0, likes - 1), budget.likes_per_day)
        longest = max(longest, days * 86_400.0 + rest // budget.likes_per_window * budget.window_seconds)
        late += max(0, likes - LONGEST_DAYS * budget.likes_per_day)
    return longest, late


def _announce(run: Run, plan: dict[str, Any], budget: Budget, waiting: int) -> None:
    if run.json:
        return
    at_least = f"at least {duration(plan['seconds'])}" if plan["seconds"] else "no wait"
    limits = f"{budget.likes_per_window:,} in {duration(budget.window_seconds)}, {budget.likes_per_day:,} a day"
    cost = f"{plan['cost_usd']:,.3f} USD at most"
    run.note(f"{count(plan['likes'], 'like')}: {cost}, and {at_least} by an account's limits ({limits}).")
    if waiting:
        run.note(f"{count(waiting, 'message')} in the queue already. Those of the same account come first.")
    if plan["duplicates"]:
        run.note(f"Left out: {count(plan['duplicates'], 'duplicate')}.")
    if plan["skipped"]:
        run.note(f"Left out by --skip: {plan['skipped']:,}.")
    if plan["too_late"]:
        words = f"{count(plan['too_late'], 'like')} can not be made in {LONGEST_DAYS} days, and will be rejected then."
        run.note(f"{words} Send them later.", "yellow")


def _queue(run: Run, requests: list[LikeRequest], skip: int) -> tuple[int, list[Refusal]]:
    client, url = run.stack.sqs, run.stack.queue_url
    done, refused = 0, list[Refusal]()
    try:
        with run.progress() as progress:
            task = progress.add_task("Queueing", total=len(requests))
            for batch in queue.batches(Outgoing.of(request) for request in requests):
                for place, code in queue.send(client, url, batch).refused.items():
                    refused.append(Refusal(requests[done + place].tweet_id, code, "SQS did not take it."))
                done += len(batch)
                progress.update(task, completed=done)
    except (KeyboardInterrupt, BotoCoreError, ClientError) as error:
        words = f"Stopped: {done:,} of {len(requests):,} are queued."
        run.note(f"{words} To go on, run the same again with --skip {skip + done}.", "yellow")
        if isinstance(error, KeyboardInterrupt):
            raise
        raise explain(error) from None
    return done - len(refused), refused


def _report(run: Run, taken: Intake, refused: list[Refusal]) -> None:
    everything = [*taken.refused, *refused]
    if run.json or not everything:
        return
    reasons = Counter(refusal.code for refusal in everything)
    run.note(f"Refused: {', '.join(f'{times:,} {code}' for code, times in reasons.most_common())}", "yellow")
    rows = [(refusal.place, refusal.code, refusal.detail) for refusal in everything[:SHOWN]]
    run.err.print(table("Where", "Reason", "What to know", rows=rows))
    if len(everything) > SHOWN:
        run.note(f"and {len(everything) - SHOWN:,} more; --json lists all.")
