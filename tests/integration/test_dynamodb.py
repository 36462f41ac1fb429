"""DynamoDB's protocol: the signature is botocore's own, and every failure has a code."""

import json
import socket
import string
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import NoReturn

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials, RefreshableCredentials
from botocore.exceptions import CredentialRetrievalError
from hypothesis import given
from hypothesis import strategies as st

from likes.dynamodb import DynamoDB, DynamoDBError
from local.serving import Handler, LoopbackServer

URL = "https://dynamodb.eu-central-1.amazonaws.com"
TOKENS = st.text(string.ascii_letters + string.digits + "+/=", min_size=1)


class Answering(LoopbackServer):
    """Answers every request alike; without a status, it hangs up instead."""

    def __init__(self) -> None:
        self.status: int | None = 200
        self.body = b"{}"
        self.seen: list[dict[str, str]] = []
        super().__init__(_Answer)


class _Answer(Handler):
    owner: Answering

    def do_POST(self) -> None:  # noqa: N802 - http.server's name for it
        self.rfile.read(int(self.headers["Content-Length"]))
        self.owner.seen.append({name.lower(): value for name, value in self.headers.items()})
        if self.owner.status is None:
            self.close_connection = True
            return
        self.send_response(self.owner.status)
        self.send_header("Content-Length", str(len(self.owner.body)))
        self.end_headers()
        self.wfile.write(self.owner.body)


@pytest.fixture
def server() -> Iterator[Answering]:
    with Answering() as answering:
        yield answering


@given(body=st.binary(), key=st.text(string.printable, min_size=1), token=st.none() | TOKENS)
def test_the_signature_is_botocores(body: bytes, key: str, token: str | None) -> None:
    session = boto3.Session("AKID", key, token, region_name="eu-central-1")
    headers = {"content-type": "application/x-amz-json-1.0", "x-amz-target": "DynamoDB_20120810.GetItem"}
    request = AWSRequest("POST", f"{URL}/", headers, body)
    credentials = session.get_credentials()
    assert credentials
    SigV4Auth(credentials, "dynamodb", "eu-central-1").add_auth(request)
    theirs = {name.lower(): value for name, value in request.headers.items()}
    now = datetime.strptime(theirs["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)

    ours = DynamoDB(session, URL).signed("GetItem", body, now)

    assert ours == theirs | {"host": "dynamodb.eu-central-1.amazonaws.com"}


def test_what_is_signed_is_what_is_sent(server: Answering) -> None:
    DynamoDB(boto3.Session(), server.url).call("GetItem", Key={"pk": {"S": "ü"}})

    (headers,) = server.seen
    assert "SignedHeaders=content-type;host;x-amz-date;x-amz-target," in headers["authorization"]
    assert headers["content-type"] == "application/x-amz-json-1.0"
    assert headers["host"] == server.url.removeprefix("http://")
    assert headers["x-amz-target"] == "DynamoDB_20120810.GetItem"


def test_a_call_travels_in_one_piece() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        answer = pool.submit(DynamoDB(boto3.Session(), url).call, "GetItem", Key={"pk": {"S": "like"}})
        connection, _ = listener.accept()
        with connection:
            head, _, body = connection.recv(65_536).partition(b"\r\n\r\n")
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

            assert answer.result() == {}
    assert head.startswith(b"POST / HTTP/1.1\r\n")
    assert json.loads(body) == {"Key": {"pk": {"S": "like"}}}


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (400, b'{"__type": "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException"}', "ResourceNotFoundException"),
        (400, b'{"__type": "AccessDeniedException", "message": "no"}', "AccessDeniedException"),
        (500, b'{"__type": "com.amazonaws.dynamodb.v20120810#InternalServerError"}', "InternalServerError"),
        (503, b"<html>", "JSONDecodeError"),
        (503, b"{}", "Http503"),
        (200, b'{"Item": ', "JSONDecodeError"),
        (200, b"[]", "Http200"),
        (200, b"\xff", "UnicodeDecodeError"),
        (302, b"{}", "Http302"),
        (None, b"", "ProtocolError"),
    ],
)
def test_every_failure_has_a_code(server: Answering, status: int | None, body: bytes, code: str) -> None:
    server.status, server.body = status, body

    with pytest.raises(DynamoDBError) as caught:
        DynamoDB(boto3.Session(), server.url).call("GetItem")

    assert caught.value.code == code
    assert len(server.seen) == 1


def test_a_connection_that_is_refused_has_a_code(server: Answering) -> None:
    server.close()

    with pytest.raises(DynamoDBError, match="NewConnectionError"):
        DynamoDB(boto3.Session(), server.url).call("GetItem")


def test_credentials_that_can_not_be_renewed_have_a_code(server: Answering) -> None:
    def renew() -> NoReturn:
        raise CredentialRetrievalError(provider="container", error_msg="away")

    class Expired(boto3.Session):
        def get_credentials(self) -> Credentials:
            an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
            return RefreshableCredentials("AKID", "secret", "token", an_hour_ago, renew, "container")

    with pytest.raises(DynamoDBError, match="CredentialRetrievalError"):
        DynamoDB(Expired(), server.url).call("GetItem")

    assert server.seen == []


def test_a_connection_that_was_closed_meanwhile_is_made_anew(server: Answering) -> None:
    dynamodb = DynamoDB(boto3.Session(), server.url)
    dynamodb.call("GetItem")
    server._server.hang_up()  # noqa: SLF001 - as DynamoDB does with a connection that was idle for long

    assert dynamodb.call("GetItem") == {}


@pytest.mark.parametrize(
    ("variables", "region", "host"),
    [
        ({}, "eu-central-1", "dynamodb.eu-central-1.amazonaws.com"),
        ({}, "cn-north-1", "dynamodb.cn-north-1.amazonaws.com.cn"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "eu-central-1", "127.0.0.1:1"),
        (
            {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:2"},
            "eu-central-1",
            "127.0.0.1:2",
        ),
    ],
)
def test_the_endpoint_is_the_one_that_boto3_takes(
    variables: dict[str, str], region: str, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    session = boto3.Session(region_name=region)

    signed = DynamoDB(session).signed("GetItem", b"", datetime.now(UTC))

    assert signed["host"] == host
    assert session.client("dynamodb").meta.endpoint_url.endswith(f"//{host}")
