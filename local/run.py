"""``make run``: the whole service on this machine, one like over HTTP and one through the queue, then yours."""

import json
import os
import signal
import sys
import time
from typing import Any, Final, NoReturn

import requests
from rich.console import Console
from rich.table import Column, Table

from local.emulator import StackFailed
from local.service import DEMO_TOKEN, LocalService, local_service
from local.stack import Stack

PORT: Final = 8787
HTTP_TWEET: Final = "1346889436626259968"
QUEUE_TWEET: Final = "1228393702244134912"
PATIENCE_SECONDS: Final = 60.0

console = Console(highlight=False, soft_wrap=True)


def main() -> None:
    """Run until Ctrl-C."""
    signal.signal(signal.SIGTERM, _stop)
    real_key = os.environ.get("AISA_API_KEY")
    started = time.monotonic()
    try:
        console.print("Building template.yaml and deploying it into an AWS emulator on this machine ...")
        with local_service(port=PORT, real_key=real_key) as service:
            if service.simulator:
                _like_two(service)
                console.print(f"\nThe simulator of AIsa saw: {json.dumps(service.simulator.state())}")
            _print_what_to_try(service)
            console.print(f"Up after {time.monotonic() - started:.0f} s. Ctrl-C ends it; log lines follow.\n")
            _follow(service.stack)
    except KeyboardInterrupt:
        console.print("Stopped.")
    except StackFailed as error:
        console.print(str(error))
        sys.exit(1)


def _like_two(service: LocalService) -> None:
    stack = service.stack
    answer = requests.post(f"{service.gateway.url}/likes", json={"tweet_id": HTTP_TWEET}, timeout=PATIENCE_SECONDS)
    console.print(f"\nPOST /likes answered {answer.status_code}: {answer.text}")
    sent = stack.client("sqs").send_message(
        QueueUrl=stack.outputs["LikeQueueUrl"],
        MessageBody=json.dumps({"tweet_url": f"https://x.com/XDevelopers/status/{QUEUE_TWEET}"}),
        MessageGroupId="default",
    )
    console.print(f"The queue took message {sent['MessageId']}.")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (lines := _likes(stack)).keys() < {HTTP_TWEET, QUEUE_TWEET}:
        if time.monotonic() > deadline:
            raise StackFailed(f"Not both tweets were liked in time: {lines}")
        time.sleep(0.2)
    _show(stack)


def _likes(stack: Stack) -> dict[str, dict[str, Any]]:
    lines = [_json(message) for _, message in stack.logs()]
    return {line["tweet_id"]: line for line in lines if line.get("message") == "like" and line["outcome"] == "liked"}


def _show(stack: Stack) -> None:
    fields = ("outcome", "account", "tweet_id", "trigger", "upstream_status", "attempt")
    columns = [Column(field, no_wrap=True, min_width=len(field)) for field in fields]
    lines, metrics = Table(*columns, title="The log lines"), Table("trigger", "metric", "value", title="The metrics")
    for _, message in stack.logs():
        line = _json(message)
        if line.get("message") == "like":
            lines.add_row(*(str(line.get(field, "")) for field in fields))
        for directive in line.get("_aws", {}).get("CloudWatchMetrics", []):
            for metric in directive["Metrics"]:
                metrics.add_row(line["trigger"], metric["Name"], str(line[metric["Name"]]))
    console.print(lines, metrics)


def _follow(stack: Stack) -> NoReturn:
    seen = len(stack.logs())
    while True:
        lines = stack.logs()
        for _, message in lines[seen:]:
            if "level" in _json(message):
                console.print(message, markup=False)
        seen = len(lines)
        time.sleep(1)


def _print_what_to_try(service: LocalService) -> None:
    url, stack = service.gateway.url, service.stack
    queue = stack.outputs["LikeQueueUrl"]
    warning = "" if service.simulator else "These make real likes, with your key.\n"
    console.print(
        f"""
{warning}Open {url} in a browser, or try:
  curl {url}/likes -H 'content-type: application/json' -d '{{"tweet_id": "20"}}'
  curl {url}/likes -H 'prefer: respond-async' -d '{{"tweet_url": "https://x.com/jack/status/20"}}'
  curl '{url}/likes/20?account=default'
  curl {url}/webhooks/demo-token -H 'authorization: Bearer {DEMO_TOKEN}' -d '{{"tweet_id": "22"}}'
  AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test aws --region us-east-1 --endpoint-url {stack.endpoint} \\
    sqs send-message --queue-url {queue} --message-group-id default --message-body '{{"tweet_id": "21"}}'
""",
        markup=False,
    )


def _json(message: str) -> dict[str, Any]:
    try:
        value = json.loads(message)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _stop(_signal: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
