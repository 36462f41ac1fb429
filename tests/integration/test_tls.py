"""Keys and signatures go over TLS to whom they are for, and to nobody who only says that it is them."""

import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import boto3
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from likes.aisa import AisaClient, Deadline
from likes.dynamodb import DynamoDB, DynamoDBError
from likes.outcomes import Kind


class Impostor(HTTPServer):
    """Says that it is localhost, with a certificate that it has signed itself."""

    def __init__(self, folder: Path) -> None:
        self.seen: list[str] = []
        super().__init__(("127.0.0.1", 0), _Handler)
        self.socket = _context(folder).wrap_socket(self.socket, server_side=True)
        self.url = f"https://localhost:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Impostor

    def do_POST(self) -> None:
        self.server.seen.append(self.headers["Authorization"])


@pytest.fixture
def impostor(tmp_path: Path) -> Iterator[Impostor]:
    with Impostor(tmp_path) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield server
        server.shutdown()


def test_a_gateway_for_whose_name_nobody_vouches_never_sees_the_key(impostor: Impostor) -> None:
    outcome = AisaClient(impostor.url).like("20", "sk-secret", Deadline.after(5))

    assert (outcome.kind, outcome.reason) == (Kind.UNAVAILABLE, "upstream_unreachable")
    assert impostor.seen == []


def test_a_dynamodb_for_whose_name_nobody_vouches_never_sees_a_signature(impostor: Impostor) -> None:
    with pytest.raises(DynamoDBError, match="SSLError"):
        DynamoDB(boto3.Session(), impostor.url).call("GetItem")

    assert impostor.seen == []


def _context(folder: Path) -> ssl.SSLContext:
    """Return a server's context with a certificate that it has signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "certificate.pem"
    pem.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context
