"""DynamoDB's own protocol: JSON over kept connections, signed with AWS Signature Version 4.

boto3's client says the same, in several times the processor time (``make where``): most of a like's own.
"""

import hmac
import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import reduce
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlsplit

import boto3
import urllib3
from botocore.exceptions import BotoCoreError, NoCredentialsError

from likes import transport

CONNECT_SECONDS: Final = 0.4
READ_SECONDS: Final = 0.5


class DynamoDBError(Exception):
    """DynamoDB is out of reach, throttles or refuses.

    Attributes:
        code: DynamoDB's own or the connection's, e.g. ``TransactionCanceledException``, ``ReadTimeoutError``.
        answer: what DynamoDB said; empty when it said nothing.
    """

    def __init__(self, code: str, answer: Mapping[str, Any]) -> None:
        super().__init__(code)
        self.code = code
        self.answer = answer


class DynamoDB:
    """Makes calls, each once, for the identity of `session`. Safe to share between threads.

    Parameters:
        session: where the credentials and the region come from.
        url: the endpoint; when None, the environment's as for boto3, or else the region's.
        connect: how long to wait for a connection, seconds.
        read: how long to wait for an answer, seconds.
    """

    def __init__(
        self,
        session: boto3.Session,
        url: str | None = None,
        *,
        connect: float = CONNECT_SECONDS,
        read: float = READ_SECONDS,
    ) -> None:
        credentials = session.get_credentials()
        if credentials is None:
            raise NoCredentialsError
        self._credentials = credentials
        self._region = session.region_name
        url = url or _endpoint(self._region)
        self._host = urlsplit(url).netloc
        self._connections = transport.connections(url)
        self._timeout = urllib3.Timeout(connect=connect, read=read)

    def call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """Return what DynamoDB answers; values are typed, as ``{"S": "text"}``, in both directions.

        Raises:
            DynamoDBError: it did not do it, or did not say so.
        """
        body = json.dumps(parameters).encode()
        try:
            headers = self.signed(operation, body, datetime.now(UTC))
            response = self._connections.urlopen("POST", "/", body, headers, retries=False, timeout=self._timeout)
            answer: Any = json.loads(response.data)
        except (BotoCoreError, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise DynamoDBError(type(error).__name__, {}) from None
        match response.status, answer:
            case 200, dict(done):
                return done
            case _, {"__type": str(code)}:
                raise DynamoDBError(code.rpartition("#")[2], answer)
        raise DynamoDBError(f"Http{response.status}", {})

    def signed(self, operation: str, body: bytes, now: datetime) -> dict[str, str]:
        """Return the headers of a call, with the signature that AWS describes in "Create a signed AWS API request"."""
        credentials = self._credentials.get_frozen_credentials()
        moment = now.strftime("%Y%m%dT%H%M%SZ")
        token = {"x-amz-security-token": credentials.token} if credentials.token else {}
        headers = {  # in the order in which they are signed, the alphabet's
            "content-type": "application/x-amz-json-1.0",
            "host": self._host,
            "x-amz-date": moment,
            **token,
            "x-amz-target": f"DynamoDB_20120810.{operation}",
        }
        names = ";".join(headers)
        lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
        request = f"POST\n/\n\n{lines}\n{names}\n{sha256(body).hexdigest()}"
        scope = f"{moment[:8]}/{self._region}/dynamodb/aws4_request"
        text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{sha256(request.encode()).hexdigest()}"
        key = reduce(_hmac, scope.split("/"), f"AWS4{credentials.secret_key}".encode())
        credential = f"Credential={credentials.access_key}/{scope}"
        signature = f"Signature={_hmac(key, text).hex()}"
        return headers | {"authorization": f"AWS4-HMAC-SHA256 {credential}, SignedHeaders={names}, {signature}"}


def typed(values: Mapping[str, str | int]) -> dict[str, dict[str, str]]:
    """Return texts and whole numbers as DynamoDB wants them, e.g. ``{"used": {"N": "50"}}``."""
    return {name: {"S": value} if isinstance(value, str) else {"N": str(value)} for name, value in values.items()}


def plain(values: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """Return texts and whole numbers as Python has them."""
    return {name: int(value["N"]) if "N" in value else value["S"] for name, value in values.items()}


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")


def _endpoint(region: str) -> str:
    named = os.environ.get("AWS_ENDPOINT_URL_DYNAMODB") or os.environ.get("AWS_ENDPOINT_URL")
    return named or f"https://dynamodb.{region}.amazonaws.com{'.cn' if region.startswith('cn-') else ''}"
