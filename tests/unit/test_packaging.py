"""What is left out of a package is not called for."""

import re
from pathlib import Path

import botocore_data
from botocore import xform_name

SOURCES = Path(__file__).parents[2] / "src" / "likes"
CALLERS = ("ledger.py", "queues.py")
POWERTOOLS_CALLS = {"get_secret_value"}


def test_the_operations_that_are_kept_are_those_that_the_functions_call() -> None:
    sources = "".join((SOURCES / name).read_text() for name in CALLERS)
    called = set(re.findall(r"self\._client\.(\w+)", sources)) - {"call"} | POWERTOOLS_CALLS
    kept = {xform_name(operation) for operations in botocore_data.OPERATIONS.values() for operation in operations}

    assert kept == called
