"""Every command against the template itself, deployed on this machine, with the functions running and policies enforced."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from local.faults import Fault
from local.service import DEMO_TOKEN, LocalService, local_service
from tests.deployed.conftest import together
from tests.likectl.conftest import NEW_KEY, in_terminal, likectl, shown
from tests.likectl.test_commands import COMMANDS

pytestmark = [*together, pytest.mark.simulated]

FIRST_KEY = "sk-simulated"
PATIENCE_SECONDS = 60.0


@pytest.fixture(scope="module")
def service() -> Iterator[LocalService]:
    with local_service() as service, pytest.MonkeyPatch.context() as environ:
        environ.setenv("AWS_ENDPOINT_URL", str(service.stack.endpoint))
        environ.setenv("AWS_ACCESS_KEY_ID", "test")
        environ.setenv("AWS_SECRET_ACCESS_KEY", "test")
        yield service


def until[T](condition: Callable[[], T], what: str) -> T:
    """Return the first true value of `condition`."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not (value := condition()):
        assert time.monotonic() < end, what
        time.sleep(0.1)
    return value


def likes(service: LocalService) -> set[str]:
    assert service.simulator
    return service.simulator.likes["default"]


def like(service: LocalService, tweet_id: str) -> int:
    """Ask for a like over HTTP and return the answer's status."""
    return requests.post(f"{service.gateway.url}/likes", json={"tweet_id": tweet_id}, timeout=30).status_code


@pytest.mark.usefixtures("service")
def test_a_healthy_stack_exits_0() -> None:
    run = likectl("doctor")

    assert run.status == 0, run.out
    assert "fail" not in run.out


def test_what_is_sent_is_liked_and_shows_in_the_status(service: LocalService, tmp_path: Path) -> None:
    file = tmp_path / "tweets.csv"
    file.write_text("tweet_url\nhttps://x.com/a/status/30\nhttps://x.com/a/status/31\n")

    assert likectl("send", str(file)).status == 0

    until(lambda: {"30", "31"} <= likes(service), "the worker likes them")

    def counted() -> bool:
        accounts = likectl("status", "--json").json["accounts"]
        liked, used = accounts[0]["last_hour"].get("liked", 0), accounts[0]["window"]["used"]
        return bool(liked >= 2 and used >= 2 and 0 <= accounts[0]["lane"]["age_seconds"] < PATIENCE_SECONDS)

    until(counted, "the log tells them")


def test_a_rejected_tweet_is_shown_redriven_and_dropped(service: LocalService) -> None:
    assert service.simulator
    service.simulator.missing = {"40", "41"}
    assert likectl("send", "40", "41").status == 0

    until(lambda: len(likectl("failures", "--json").out.splitlines()) == 2, "the worker rejects them")
    assert "40" in likectl("failures", "--reason", "tweet_not_found").out
    assert len(likectl("failures", "--json").out.splitlines()) == 2, "nothing was taken"

    service.simulator.missing = {"41"}
    assert likectl("redrive", "--json").json["redriven"] == 2, "though one of them is rejected again at once"
    until(lambda: "40" in likes(service), "it is liked now")
    until(lambda: len(likectl("failures", "--json").out.splitlines()) == 1, "the other is rejected again")

    child = in_terminal("drop", AWS_ENDPOINT_URL=str(service.stack.endpoint))
    child.expect("Delete 1 message for good")
    child.sendline("y")
    assert "Dropped 1 message." in shown(child)
    assert likectl("failures", "--json").out == ""


def test_a_paused_worker_waits_and_a_resumed_one_goes_on(service: LocalService) -> None:
    assert likectl("pause").status == 0
    assert likectl("send", "50").status == 0
    assert likectl("status", "--json").json["worker"] == "Disabled"
    assert "paused" in likectl("doctor").out
    assert likectl("status", "--json").json["queue"]["waiting"] == 1

    assert likectl("resume").status == 0

    until(lambda: "50" in likes(service), "the worker likes it")


def test_a_hold_is_shown_and_ended(service: LocalService) -> None:
    assert service.simulator
    service.simulator.misbehave(Fault.answer(403, {"error": {"code": "client-forbidden"}}))
    assert like(service, "60") == 503
    assert like(service, "61") == 503, "the hold spares the call"

    account = likectl("status", "--json").json["accounts"][0]
    assert account["hold"]["reason"] == "forbidden"
    run = likectl("doctor")
    assert run.status == 1
    assert "likectl link --account default" in run.out

    assert likectl("unhold", "--json").json["cleared"]["reason"] == "forbidden"

    assert like(service, "61") == 200
    assert likectl("status", "--json").json["accounts"][0]["hold"] is None


def test_a_rotated_key_is_used_without_a_deployment(service: LocalService) -> None:
    assert service.simulator
    assert like(service, "70") == 200, "the function knows the first key"
    service.simulator.add_key(NEW_KEY, "default")

    child = in_terminal("key", "rotate", AWS_ENDPOINT_URL=str(service.stack.endpoint))
    child.expect("AIsa key of default")
    child.waitnoecho()
    child.sendline(NEW_KEY)
    assert "Stored the key of default" in shown(child)
    service.simulator.revoke_key(FIRST_KEY)

    assert like(service, "71") == 200


def test_a_second_accounts_key_is_set_and_linked(service: LocalService) -> None:
    assert service.simulator
    service.simulator.add_key("sk-of-the-second", "second")
    assert likectl("key", "set", "--account", "second", stdin="sk-of-the-second").status == 0

    run = likectl("link", "--account", "second")

    assert f"{service.simulator.url}/authorize?state=" in run.out
    assert "sk-of-the-second" not in run.out + run.err
    assert likectl("send", "80", "--account", "second").status == 0
    until(lambda: service.simulator and "80" in service.simulator.likes["second"], "the worker likes it for them")


def test_a_source_is_added_tested_listed_and_removed(service: LocalService) -> None:
    added = likectl("source", "add", "shop", "--scheme", "token", "--account", "default", "--json").json
    assert likectl("source", "test", "shop", "--url", service.gateway.url).status == 0

    answer = requests.post(
        f"{service.gateway.url}/webhooks/shop",
        headers={"Authorization": f"Bearer {added['secret']}"},
        json={"tweet_id": "90"},
        timeout=30,
    )

    assert answer.status_code == 202
    until(lambda: "90" in likes(service), "the worker likes it")
    assert [source["source"] for source in likectl("source", "list", "--json").json] == ["demo", "demo-token", "shop"]
    assert DEMO_TOKEN not in likectl("source", "list").out
    assert likectl("source", "remove", "shop").status == 0
    assert [source["source"] for source in likectl("source", "list", "--json").json] == ["demo", "demo-token"]


@pytest.fixture(scope="module")
def stranger(service: LocalService) -> dict[str, str]:
    """The credentials of somebody who may do nothing."""
    iam = service.stack.client("iam")
    iam.create_user(UserName="stranger")
    key = iam.create_access_key(UserName="stranger")["AccessKey"]
    return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}


@pytest.mark.parametrize("command", COMMANDS)
def test_somebody_without_permission_gets_one_line(stranger: dict[str, str], command: str) -> None:
    run = likectl(*command.split(), *COMMANDS[command], env=stranger)

    assert run.status == 4
    assert run.err.startswith("likectl: The credentials may not do DescribeStacks.")
    assert len(run.err.splitlines()) == 1
    assert not run.out


@pytest.fixture(scope="module")
def onlooker(service: LocalService, stranger: dict[str, str]) -> Iterator[dict[str, str]]:
    """The credentials of somebody who may look at the stack, and at nothing in it."""
    actions = ["cloudformation:DescribeStacks", "cloudformation:ListStackResources"]
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
    iam = service.stack.client("iam")
    iam.put_user_policy(UserName="stranger", PolicyName="look", PolicyDocument=json.dumps(policy))
    yield stranger
    iam.delete_user_policy(UserName="stranger", PolicyName="look")


@pytest.mark.parametrize("command", [command for command in COMMANDS if command != "doctor"])
def test_somebody_who_may_only_look_at_the_stack_gets_one_line(onlooker: dict[str, str], command: str) -> None:
    run = likectl(*command.split(), *COMMANDS[command], env=onlooker)

    assert run.status == 4
    assert run.err.startswith("likectl: The credentials may not do ")
    assert len(run.err.splitlines()) == 1
    assert not run.out


def test_the_doctor_says_what_somebody_who_may_only_look_can_not_see(onlooker: dict[str, str]) -> None:
    run = likectl("doctor", env=onlooker)

    assert run.status == 1
    assert "fail keys: The credentials may not do GetSecretValue" in run.out
    assert "ok   stack" in run.out
