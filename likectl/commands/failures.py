"""``likectl failures``, ``redrive`` and ``drop``: what was rejected, why, and what becomes of it."""

import json
import time
from collections import Counter
from dataclasses import dataclass
from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.table import Column

from likectl import queue
from likectl.problems import Exit, Problem, explain
from likectl.queue import Outgoing
from likectl.rejected import Rejected, RejectedMessages
from likectl.run import Run, table
from likectl.wording import count, moment, printable
from likes.payload import DEFAULT_ACCOUNT

Reason = Annotated[str | None, typer.Option(help="Only those that were rejected for this reason.", metavar="CODE")]


def failures(run: Run, reason: Reason = None) -> None:
    """Show what was rejected and why.

    The messages stay where they are. With --json each is one line, with its body.
    """
    seen, beyond = _look(run, reason)
    if run.json:
        for message in seen:
            typer.echo(json.dumps(message.to_json()))
    elif seen:
        rows = [
            (moment(message.rejected_at), message.account, message.tweet_id, f"{message.reason}: {message.detail}")
            for message in sorted(seen, key=lambda message: message.rejected_at)
        ]
        run.out.print(table("Rejected at", "Account", Column("Tweet", no_wrap=True), "Reason", rows=rows))
        run.note(_by_reason(seen))
    else:
        run.note("No such message was rejected." if reason else "Nothing was rejected.")
    _tell_of(run, beyond)


def redrive(
    run: Run,
    reason: Reason = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many.")] = None,
) -> Exit:
    """Put rejected messages back into the queue.

    Mend what was wrong with them first. A message leaves the rejected queue only after the queue has confirmed it. One
    that is rejected again stays there.
    """
    client, source, target = run.stack.sqs, run.stack.output("RejectedQueueUrl"), run.stack.queue_url
    total = queue.backlog(client, source).total
    looked_at, returned, came_back, refused = 0, set[str](), 0, Counter[str]()
    try:
        with RejectedMessages(client, source) as rejected, run.progress() as progress:
            task = progress.add_task("Redriving", total=min(total, limit or total))
            for received in rejected.receive():
                fresh = [message for message in received if message.source_message_id not in returned]
                looked_at += len(fresh)
                came_back += len(received) - len(fresh)
                chosen = [message for message in fresh if reason in {None, message.reason}]
                chosen = chosen[: limit - len(returned) if limit else None]
                for batch in queue.batches(_Returning.of_rejected(message) for message in chosen):
                    sent = queue.send(client, target, batch)
                    returned.update(sent.ids.values())
                    refused.update(sent.refused.values())
                    rejected.delete([batch[place].message for place in sent.ids])
                    progress.update(task, completed=len(returned))
                if limit and len(returned) >= limit:
                    break
    except (KeyboardInterrupt, BotoCoreError, ClientError) as error:
        run.note(f"Stopped: {count(len(returned), 'message')} of about {total:,} went back into the queue.", "yellow")
        if isinstance(error, KeyboardInterrupt):
            raise
        raise explain(error) from None
    result = {"redriven": len(returned), "came_back": came_back, "refused": dict(refused)}
    run.answer(result, f"Put {count(len(returned), 'message')} back into the queue.")
    for code, times in refused.items():
        run.note(f"SQS refused {count(times, 'message')} ({code}). They stay rejected.", "yellow")
    if came_back:
        run.note(f"Rejected again already: {came_back:,}. likectl failures says why.", "yellow")
    if limit is None:
        _tell_of(run, total - looked_at)
    return Exit.FINDINGS if refused or came_back else Exit.OK


def drop(
    run: Run,
    reason: Reason = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete rejected messages for good.

    It asks first.
    """
    seen, beyond = _look(run, reason)
    if not seen:
        run.answer({"dropped": 0}, "There is nothing to drop.")
        return _tell_of(run, beyond)
    if not yes:
        if not run.is_interactive:
            raise Problem("drop asks first, and nobody is there to answer. Add --yes.", Exit.USAGE)
        if not typer.confirm(f"Delete {count(len(seen), 'message')} for good ({_by_reason(seen)})?", err=True):
            return run.answer({"dropped": 0}, "Nothing was dropped.")
    doomed, dropped = {message.id for message in seen}, 0
    with RejectedMessages(run.stack.sqs, run.stack.output("RejectedQueueUrl")) as rejected:
        for received in rejected.receive():
            dropped += rejected.delete([message for message in received if message.id in doomed])
            if dropped == len(doomed):
                break
    run.answer({"dropped": dropped}, f"Dropped {count(dropped, 'message')}.")
    return _tell_of(run, beyond)


@dataclass(frozen=True, slots=True)
class _Returning(Outgoing):
    """A rejected message on its way back."""

    message: Rejected

    @classmethod
    def of_rejected(cls, message: Rejected) -> "_Returning":
        """Give it a deduplication id that SQS has not seen: it may have seen the tweet's own minutes ago."""
        fresh = f"{message.id}:{time.time_ns()}"
        return cls(message.body, message.account or message.lane or DEFAULT_ACCOUNT, fresh, message)


def _look(run: Run, reason: str | None) -> tuple[list[Rejected], int]:
    """Return the messages with the reason, and how many there are that can not be seen now."""
    client, url = run.stack.sqs, run.stack.output("RejectedQueueUrl")
    total = queue.backlog(client, url).total
    with RejectedMessages(client, url) as rejected:
        seen = [message for received in rejected.receive() for message in received]
    return [message for message in seen if reason in {None, message.reason}], total - len(seen)


def _by_reason(messages: list[Rejected]) -> str:
    reasons = Counter(message.reason for message in messages)
    return printable(", ".join(f"{times:,} {code}" for code, times in reasons.most_common()))


def _tell_of(run: Run, beyond: int) -> None:
    """Say that there are messages which SQS does not show behind others, or that somebody else is looking at."""
    if beyond > 0:
        run.note(f"About {beyond:,} more can not be seen now: SQS shows ten of a group until those are gone.", "yellow")
