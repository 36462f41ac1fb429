"""The tests can not reach beyond this machine."""

import socket

import pytest
from pytest_socket import SocketConnectBlockedError


def test_a_connection_to_elsewhere_is_refused() -> None:
    refusal = (SocketConnectBlockedError, UserWarning)  # the warning comes first, and warnings are errors here
    with socket.socket() as elsewhere, pytest.raises(refusal):
        elsewhere.connect(("192.0.2.1", 443))
