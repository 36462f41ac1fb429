"""The simulator of AIsa keeps the contract, and breaks it as commanded."""

import http.client
import json
import math
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from local.aisa import LIKE_PATH, LINK_PATH, AisaSimulator, Call
from local.clock import VirtualClock
from local.faults import Fault

KEY = "sk-of-the-default-account"
OTHER_KEY = "sk-of-another-account"
TWEET = "1346889436626259968"
ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 10.0


class Client:
    """A session with the simulator."""

    def __init__(self, simulator: AisaSimulator) -> None:
        self.url = simulator.url
        self.session = requests.Session()

    def ask(self, method: str, path: str, *, key: str | None = None, **options: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return self.session.request(
            method, self.url + path, headers=headers, timeout=PATIENCE_SECONDS, allow_redirects=False, **options
        )

    def like(self, tweet_id: Any = TWEET, *, key: str | None = KEY) -> requests.Response:
        return self.ask("POST", LIKE_PATH, key=key, json={"tweet_id": tweet_id})

    def link(self, body: Any, *, key: str | None = KEY) -> requests.Response:
        return self.ask("POST", LINK_PATH, key=key, json=body)

    def command(self, fault: Any) -> requests.Response:
        return self.ask("POST", "/_simulator/faults", json=fault)


Start = Callable[..., tuple[AisaSimulator, Client]]


@pytest.fixture
def start(clock: VirtualClock) -> Iterator[Start]:
    """Start simulators with options of the test's own."""
    started: list[tuple[AisaSimulator, Client]] = []

    def start_one(**options: Any) -> tuple[AisaSimulator, Client]:
        simulator = AisaSimulator({KEY: "default", OTHER_KEY: "other"}, **({"clock": clock} | options))
        started.append((simulator, Client(simulator)))
        return started[-1]

    yield start_one
    for simulator, client in started:
        client.session.close()
        simulator.close()


@pytest.fixture
def simulator(aisa_and_client: tuple[AisaSimulator, Client]) -> AisaSimulator:
    return aisa_and_client[0]


@pytest.fixture
def client(aisa_and_client: tuple[AisaSimulator, Client]) -> Client:
    return aisa_and_client[1]


@pytest.fixture
def aisa_and_client(start: Start) -> tuple[AisaSimulator, Client]:
    return start()


def eventually(is_so: Callable[[], bool]) -> bool:
    """Wait for what another thread is about to do."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.005)
    return is_so()


def code(answer: requests.Response) -> str:
    """Return the error's code; its id must be the header's."""
    error = answer.json()["error"]
    assert error.keys() == {"type", "code", "message", "request_id"}
    assert error["request_id"] == answer.headers["X-Request-ID"]
    return str(error["code"])


# The contract


def test_a_like_is_made_charged_and_recorded(simulator: AisaSimulator, client: Client, clock: VirtualClock) -> None:
    answer = client.like()

    assert (answer.status_code, answer.json()) == (200, {"data": {"liked": True}})
    assert simulator.likes == {"default": {TWEET}}
    assert simulator.charges == {("default", TWEET): 1}
    assert simulator.spent == pytest.approx(0.015)
    assert simulator.calls == [Call(clock(), "default", TWEET, status=200)]


def test_a_repeat_is_answered_alike_and_paid_for_again(simulator: AisaSimulator, client: Client) -> None:
    first, second = client.like(), client.like()

    assert (second.status_code, second.json()) == (first.status_code, first.json())
    assert simulator.likes == {"default": {TWEET}}
    assert simulator.charges == {("default", TWEET): 2}
    assert simulator.spent == pytest.approx(0.030)


def test_the_key_decides_who_likes(simulator: AisaSimulator, client: Client) -> None:
    client.like("1")
    client.like("2", key=OTHER_KEY)

    assert simulator.likes == {"default": {"1"}, "other": {"2"}}


@pytest.mark.parametrize(("key", "expected"), [(None, "missing_api_key"), ("sk-unknown", "invalid_api_key")])
def test_without_a_key_that_is_known_nothing_is_liked(
    key: str | None, expected: str, simulator: AisaSimulator, client: Client
) -> None:
    answer = client.like(key=key)

    assert (answer.status_code, code(answer)) == (401, expected)
    assert simulator.calls[0].account is None
    assert not simulator.charges


def test_a_revoked_key_is_refused_and_its_successor_accepted(simulator: AisaSimulator, client: Client) -> None:
    simulator.revoke_key(KEY)
    simulator.add_key("sk-new", "default")

    assert code(client.like()) == "revoked_api_key"
    assert client.like(key="sk-new").status_code == 200
    assert simulator.likes == {"default": {TWEET}}


@pytest.mark.parametrize("tweet_id", [None, 1346889436626259968, "", "1" * 20, "12a", " 12", "12\n", "-1", "١٢", ["1"]])
def test_a_tweet_id_is_a_string_of_digits(tweet_id: Any, simulator: AisaSimulator, client: Client) -> None:
    answer = client.like(tweet_id)

    assert (answer.status_code, code(answer)) == (400, "invalid-request")
    assert not simulator.charges


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_json_is_told_from_a_bad_request(body: bytes, client: Client) -> None:
    answer = client.ask("POST", LIKE_PATH, key=KEY, data=body)

    assert (answer.status_code, code(answer)) == (400, "json_parse_error")


@pytest.mark.parametrize("body", ["null", "[]", '"1"', "{}"])
def test_json_without_a_tweet_id_is_a_bad_request(body: str, client: Client) -> None:
    assert code(client.ask("POST", LIKE_PATH, key=KEY, data=body)) == "invalid-request"


def test_a_missing_tweet_is_not_found_nor_charged_but_counts_to_the_limit(start: Start) -> None:
    simulator, client = start(missing={"404"})

    answer = client.like("404")

    assert (answer.status_code, code(answer)) == (404, "resource-not-found")
    assert answer.headers["x-rate-limit-remaining"] == "49"
    assert not simulator.charges


def test_every_answer_has_an_id_of_its_own(simulator: AisaSimulator, client: Client) -> None:
    simulator.misbehave(Fault.answer(503), tweet_id="9")
    answers = [
        client.like(), client.like(), client.like("x"), client.like(key=None), client.like("9"), client.ask("GET", "/")
    ]  # fmt: skip

    ids = {answer.headers["X-Request-ID"] for answer in answers}
    assert len(ids) == len(answers)
    assert all(request_id.startswith("req_") for request_id in ids)


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"])
def test_a_path_is_not_open_to_other_methods(method: str, simulator: AisaSimulator, client: Client) -> None:
    answer = client.ask(method, LIKE_PATH, key=KEY)

    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert simulator.calls == []
    assert client.like().status_code == 200, "the connection is still in step"


def test_other_paths_are_not_there(client: Client) -> None:
    assert client.ask("POST", LIKE_PATH + "/x", key=KEY).status_code == 404


# X's limits, and the gateway's


def test_the_window_opens_with_its_first_call_and_says_what_is_left(start: Start, clock: VirtualClock) -> None:
    _, client = start(likes_per_window=2, window_seconds=900)
    clock.advance(123)
    ends_at = str(math.ceil(clock() + 900))

    for remaining in ("1", "0"):
        headers = client.like().headers
        assert (headers["x-rate-limit-limit"], headers["x-rate-limit-remaining"]) == ("2", remaining)
        assert headers["x-rate-limit-reset"] == ends_at
        clock.advance(100)


def test_past_the_limit_a_call_is_refused_until_the_window_ends(start: Start, clock: VirtualClock) -> None:
    simulator, client = start(likes_per_window=1, window_seconds=900)
    client.like("1")
    clock.advance(899)

    refused = client.like("2")
    clock.advance(1)
    accepted = client.like("2")

    assert (refused.status_code, code(refused)) == (429, "upstream_rate_limit")
    assert (refused.headers["Retry-After"], refused.headers["x-rate-limit-remaining"]) == ("1", "0")
    assert accepted.status_code == 200
    assert simulator.over_limit.total() == 1
    assert simulator.charges["default", "2"] == 1


def test_a_day_has_a_limit_too(start: Start, clock: VirtualClock) -> None:
    _, client = start(likes_per_day=1)
    client.like()
    clock.advance(900)

    refused = client.like()
    clock.advance(86_400 - 900)

    assert (refused.status_code, refused.headers["Retry-After"]) == (429, str(86_400 - 900))
    assert client.like().status_code == 200


def test_accounts_are_limited_each_for_itself(start: Start) -> None:
    _, client = start(likes_per_window=1)

    assert [client.like(key=key).status_code for key in (KEY, KEY, OTHER_KEY)] == [200, 429, 200]


def test_a_new_key_of_the_account_does_not_open_a_new_window(start: Start) -> None:
    simulator, client = start(likes_per_window=1)
    simulator.add_key("sk-second", "default")

    assert [client.like(key=key).status_code for key in (KEY, "sk-second")] == [200, 429]


def test_what_never_reached_x_does_not_count_to_its_limit(simulator: AisaSimulator, client: Client) -> None:
    simulator.misbehave(Fault.answer(402))

    statuses = [client.like().status_code, client.like(key=None).status_code, client.like("x").status_code]

    assert statuses == [402, 401, 400]
    assert client.like().headers["x-rate-limit-remaining"] == "49"


def test_the_gateway_limits_each_key_by_the_minute(start: Start, clock: VirtualClock) -> None:
    simulator, client = start(requests_per_minute=2)
    simulator.add_key("sk-second", "default")

    bad, good, refused, other = client.like("x"), client.like(), client.like(), client.like(key="sk-second")

    assert [answer.headers["X-RateLimit-Remaining-Requests"] for answer in (bad, good, refused, other)] == list("1001")
    assert {answer.headers["X-RateLimit-Limit-Requests"] for answer in (bad, good, refused)} == {"2"}
    assert int(refused.headers["X-RateLimit-Reset-Requests"]) == clock() + 60
    assert (refused.status_code, code(refused)) == (429, "rate_limit_exceeded")
    assert refused.headers["Retry-After"] == "60"
    assert simulator.over_limit.total() == 0, "X never saw it"


def test_the_gateway_sends_its_headers_with_x_s_refusal_too(start: Start) -> None:
    _, client = start(requests_per_minute=10, likes_per_window=1)
    client.like()

    assert client.like().headers["X-RateLimit-Remaining-Requests"] == "8"


def test_without_a_limit_of_its_own_the_gateway_sends_no_headers(client: Client) -> None:
    assert "X-RateLimit-Limit-Requests" not in client.like().headers


def test_many_at_once_never_exceed_the_limit(start: Start) -> None:
    simulator, client = start(likes_per_window=20)
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda number: client.like(str(number)).status_code, range(1, 61)))

    assert (statuses.count(200), statuses.count(429)) == (20, 40)
    assert (simulator.charges.total(), simulator.over_limit.total(), len(simulator.calls)) == (20, 40, 60)


# Linking an account


def test_linking_starts_a_flow_on_loopback(simulator: AisaSimulator, client: Client, clock: VirtualClock) -> None:
    scopes = ["like.write", "tweet.read", "users.read"]
    data = client.link({"aisa_api_key": KEY, "scopes": scopes}).json()["data"]

    assert data["auth_url"].startswith(simulator.url)
    assert data["state"] in data["auth_url"]
    assert data["expires_at"] == clock() + 600
    assert simulator.calls == [], "it is no like"


@pytest.mark.parametrize("body", [{}, [], {"aisa_api_key": OTHER_KEY}, {"aisa_api_key": KEY, "scopes": "like.write"}])
def test_linking_wants_the_key_in_the_body_and_scopes_as_an_array(body: Any, client: Client) -> None:
    answer = client.link(body)

    assert (answer.status_code, code(answer)) == (422, "unsupported_parameter")


def test_linking_wants_the_key_in_the_header(simulator: AisaSimulator, client: Client) -> None:
    simulator.revoke_key(OTHER_KEY)
    codes = [code(client.link({"aisa_api_key": key}, key=key)) for key in (None, "sk-unknown", OTHER_KEY)]

    assert codes == ["missing_api_key", "invalid_api_key", "revoked_api_key"]


# Misbehaviour


@pytest.mark.parametrize(
    ("body", "expected"),
    [(b"\xff\x00", b"\xff\x00"), ("<html>", b"<html>"), ({"code": 402}, b'{"code": 402}'), (b"", b"")],
)
def test_an_answer_as_commanded(body: Any, expected: bytes, simulator: AisaSimulator, client: Client) -> None:
    simulator.misbehave(Fault.answer(402, body, headers={"Retry-After": "7"}))

    answer = client.like()

    assert (answer.status_code, answer.content, answer.headers["Retry-After"]) == (402, expected, "7")
    assert (simulator.calls[0].status, simulator.charges.total()) == (402, 0)


def test_a_fault_is_over_after_its_times(simulator: AisaSimulator, client: Client) -> None:
    simulator.misbehave(Fault.answer(503), times=2)

    assert [client.like().status_code for _ in range(3)] == [503, 503, 200]


def test_faults_may_last_until_told_to_behave(simulator: AisaSimulator, client: Client) -> None:
    simulator.misbehave(Fault.answer(503), times=math.inf)
    assert [client.like().status_code for _ in range(5)] == [503] * 5

    simulator.behave()

    assert client.like().status_code == 200


def test_a_fault_meets_only_whom_it_is_for(simulator: AisaSimulator, client: Client) -> None:
    simulator.misbehave(Fault.answer(500), tweet_id="2", account="other", times=math.inf)

    statuses = [client.like(tweet, key=key).status_code for tweet, key in (("1", KEY), ("2", KEY), ("1", OTHER_KEY))]

    assert statuses == [200, 200, 200]
    assert client.like("2", key=OTHER_KEY).status_code == 500


def test_a_redirect_is_not_followed_by_the_simulator(simulator: AisaSimulator, client: Client) -> None:
    simulator.misbehave(Fault.redirect("http://127.0.0.1:1/elsewhere"))

    answer = client.like()

    assert (answer.status_code, answer.headers["Location"]) == (302, "http://127.0.0.1:1/elsewhere")


@pytest.mark.parametrize("midway", [False, True])
def test_a_connection_is_reset(midway: bool, simulator: AisaSimulator, client: Client) -> None:
    simulator.misbehave(Fault.lost(midway=midway))

    with pytest.raises(requests.RequestException, match=r"reset by peer|IncompleteRead|broken"):
        client.like()

    assert simulator.calls[0].status is None
    assert client.like().status_code == 200


@pytest.mark.parametrize("fault", [Fault.lost(after_like=True), Fault(status=500, after_like=True)])
def test_a_lost_answer_is_a_like_all_the_same(fault: Fault, simulator: AisaSimulator, client: Client) -> None:
    simulator.misbehave(fault)
    try:
        assert client.like().status_code == 500
    except requests.ConnectionError:
        assert fault.reset

    assert simulator.likes == {"default": {TWEET}}
    assert simulator.charges == {("default", TWEET): 1}


def test_garbage_is_no_http(simulator: AisaSimulator, client: Client) -> None:
    simulator.misbehave(Fault.nonsense())

    with pytest.raises(requests.ConnectionError, match="BadStatusLine"):
        client.like()


def test_a_body_drips_in_byte_by_byte(simulator: AisaSimulator, client: Client) -> None:
    simulator.misbehave(Fault.drip('{"data": {"liked": true}}', pause=0.001))

    assert client.like().json() == {"data": {"liked": True}}
    assert eventually(lambda: simulator.calls[0].bytes_sent == 25)


def test_it_counts_how_much_of_a_huge_body_was_taken(simulator: AisaSimulator, client: Client) -> None:
    simulator.misbehave(Fault.huge(5_000_001))

    assert len(client.like().content) == 5_000_001
    assert eventually(lambda: simulator.calls[0].bytes_sent == 5_000_001)


def test_a_client_that_leaves_is_not_sent_the_rest_and_nothing_is_printed(
    simulator: AisaSimulator, capfd: pytest.CaptureFixture[str]
) -> None:
    simulator.misbehave(Fault.huge(50_000_000))
    headers = {"Authorization": f"Bearer {KEY}"}
    with requests.post(
        simulator.url + LIKE_PATH, json={"tweet_id": TWEET}, headers=headers, stream=True, timeout=PATIENCE_SECONDS
    ) as answer:
        next(answer.iter_content(1_000))

    simulator.close()
    assert simulator.calls[0].bytes_sent < 20_000_000
    assert capfd.readouterr().err == ""


def test_silence_ends_when_the_simulator_is_closed(simulator: AisaSimulator, client: Client) -> None:
    heard = threading.Event()
    simulator.on_call = lambda _call: heard.set()
    simulator.misbehave(Fault.silence(3_600))
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(client.like)
        assert heard.wait(PATIENCE_SECONDS)

        simulator.close()

        with pytest.raises(requests.ConnectionError):
            answer.result(PATIENCE_SECONDS)


def test_silence_of_one_does_not_hold_up_another(simulator: AisaSimulator, client: Client) -> None:
    heard = threading.Event()
    simulator.misbehave(Fault.silence(3_600), tweet_id="1")
    simulator.on_call = lambda _call: heard.set()
    with ThreadPoolExecutor(1) as pool:
        silent = pool.submit(client.like, "1")
        assert heard.wait(PATIENCE_SECONDS)

        assert client.like("2").status_code == 200

        simulator.close()
        assert isinstance(silent.exception(PATIENCE_SECONDS), requests.ConnectionError)


def test_a_closed_simulator_answers_no_more_on_connections_kept_alive(simulator: AisaSimulator) -> None:
    connection = http.client.HTTPConnection(simulator.url.removeprefix("http://"), timeout=PATIENCE_SECONDS)
    connection.request("GET", "/_simulator")
    connection.getresponse().read()
    connection.auto_open = 0

    simulator.close()

    with pytest.raises((http.client.HTTPException, OSError)):
        connection.request("GET", "/_simulator")
        connection.getresponse()
    connection.close()


# What a test may watch


def test_the_hooks_run_before_anything_and_before_the_answer(simulator: AisaSimulator, client: Client) -> None:
    seen: list[tuple[str, int | None, int]] = []
    simulator.on_call = lambda call: seen.append(("read", call.status, simulator.charges.total()))
    simulator.after_like = lambda call: seen.append(("liked", call.status, simulator.charges.total()))

    client.like()

    assert seen == [("read", None, 0), ("liked", None, 1)]


def test_a_hook_may_command_the_simulator(simulator: AisaSimulator, client: Client) -> None:
    simulator.on_call = lambda _call: simulator.misbehave(Fault.answer(503))

    assert client.like().status_code == 503


def test_a_call_that_is_refused_is_no_like_to_the_hook(start: Start) -> None:
    simulator, client = start(missing={TWEET})
    liked: list[Call] = []
    simulator.after_like = liked.append

    client.like()

    assert liked == []


def test_no_key_is_in_what_is_recorded_or_shown(simulator: AisaSimulator, client: Client) -> None:
    client.ask("POST", LIKE_PATH, key=KEY, json={"tweet_id": TWEET, "aisa_api_key": KEY})
    client.like(key="sk-unknown")
    shown = client.ask("GET", "/_simulator").text + client.ask("GET", "/_simulator/calls").text

    assert "sk-" not in shown + repr(simulator.calls)
    assert [call.key_in_body for call in simulator.calls] == [True, False]


# Command over HTTP


def test_the_state_is_shown(client: Client) -> None:
    for tweet_id in ("2", "1", "1", "x"):
        client.like(tweet_id)

    assert client.ask("GET", "/_simulator").json() == {
        "likes": {"default": ["1", "2"]},
        "calls": {"200": 3, "400": 1},
        "charges": 3,
        "spent_usd": 0.045,
    }
    assert [call["tweet_id"] for call in client.ask("GET", "/_simulator/calls").json()] == ["2", "1", "1", "x"]


def test_a_fault_is_commanded_and_forgotten(client: Client) -> None:
    fault = {"status": 429, "body": {"error": "slow"}, "headers": {"Retry-After": "9"}, "tweet_id": "1", "times": None}
    assert client.command(fault).status_code == 200

    answers = [client.like("1"), client.like("2"), client.like("1")]
    assert [answer.status_code for answer in answers] == [429, 200, 429]
    assert (answers[0].json(), answers[0].headers["Retry-After"]) == ({"error": "slow"}, "9")

    client.ask("DELETE", "/_simulator/faults")
    assert client.like("1").status_code == 200


def test_a_lost_answer_is_commanded(simulator: AisaSimulator, client: Client) -> None:
    client.command({"reset": True, "midway": True, "after_like": True, "account": "default"})

    with pytest.raises(requests.RequestException):
        client.like()

    assert simulator.charges.total() == 1


@pytest.mark.parametrize(
    "command",
    [
        "503",
        None,
        {"stat": 503},
        {"status": "503"},
        {"status": True},
        {"delay": "1"},
        {"headers": {"Retry-After": 1}},
        {"times": "2"},
        {"tweet_id": 1},
    ],
)
def test_a_command_that_makes_no_sense_is_refused(command: Any, client: Client) -> None:
    assert client.command(command).status_code == 400
    assert client.like().status_code == 200


def test_keys_are_replaced(client: Client) -> None:
    assert client.ask("PUT", "/_simulator/keys", json={"sk-new": "default", KEY: "other"}).status_code == 200

    assert client.like(key="sk-new").status_code == 200
    assert client.like(key=KEY).status_code == 200
    assert code(client.like(key=OTHER_KEY)) == "revoked_api_key"


@pytest.mark.parametrize("keys", [[], None, {"sk-new": 1}])
def test_keys_that_make_no_sense_are_refused(keys: Any, client: Client) -> None:
    assert client.ask("PUT", "/_simulator/keys", json=keys).status_code == 400
    assert client.like().status_code == 200


def test_a_length_that_is_none_is_refused(simulator: AisaSimulator) -> None:
    host, port = simulator.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE_SECONDS) as connection:
        connection.sendall(f"POST {LIKE_PATH} HTTP/1.1\r\nContent-Length: many\r\n\r\n".encode())
        assert connection.makefile("rb").read().startswith(b"HTTP/1.1 400 ")


# The wire


def test_calls_share_one_connection(simulator: AisaSimulator) -> None:
    connection = http.client.HTTPConnection(simulator.url.removeprefix("http://"), timeout=PATIENCE_SECONDS)
    connection.connect()
    connection.auto_open = 0
    for tweet_id in ("1", "x", "2"):
        body = json.dumps({"tweet_id": tweet_id})
        connection.request("POST", LIKE_PATH, body, {"Authorization": f"Bearer {KEY}"})
        connection.getresponse().read()
    connection.close()

    assert [call.status for call in simulator.calls] == [200, 400, 200]


def test_an_answer_is_one_packet(simulator: AisaSimulator) -> None:
    host, port = simulator.url.removeprefix("http://").split(":")
    body = json.dumps({"tweet_id": TWEET}).encode()
    head = f"POST {LIKE_PATH} HTTP/1.1\r\nAuthorization: Bearer {KEY}\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=PATIENCE_SECONDS) as connection:
        for _ in range(20):
            connection.sendall(head.encode() + body)
            assert connection.recv(65_536).endswith(b'{"data": {"liked": true}}')


# Alone


def test_it_runs_alone(client: Client) -> None:
    command = [sys.executable, "-m", "local.aisa", "--port", "0", "--key", f"{KEY}=brand-a"]
    with subprocess.Popen(  # noqa: S603 - our own words
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        client.url = process.stdout.readline().split()[-1]

        assert client.like().status_code == 200
        assert client.ask("GET", "/_simulator").json()["likes"] == {"brand-a": [TWEET]}

        client.session.close()
        process.send_signal(2)  # as Ctrl-C
        _, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert (process.returncode, errors) == (0, "")


@pytest.mark.parametrize("key", [[], ["--key", "sk-1"], ["--key", "=default"]])
def test_it_does_not_start_without_a_key_and_its_account(key: list[str]) -> None:
    command = [sys.executable, "-m", "local.aisa", *key]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own words

    assert result.returncode == 2
    assert "--key" in result.stderr
