"""Cuts botocore's data down to what the functions call: most of it is never used, and some is read at each start."""

import gzip
import json
import shutil
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

# Every operation that the functions call; a client knows no other.
OPERATIONS = {
    "secretsmanager": ("GetSecretValue",),
    "sqs": ("ChangeMessageVisibilityBatch", "SendMessage"),
}


def trim(data: Path, operations: Mapping[str, Collection[str]] = OPERATIONS) -> None:
    """Cut ``botocore/data`` down to `operations`, in place."""
    for service in [path for path in data.iterdir() if path.is_dir()]:
        if service.name not in operations:
            shutil.rmtree(service)
            continue
        *old, newest = sorted(service.iterdir())
        for version in old:
            shutil.rmtree(version)
        for pattern in ("examples-*", "paginators-*", "waiters-*"):
            for path in newest.glob(pattern):
                path.unlink()
        _trim_model(newest / "service-2.json.gz", operations[service.name])
    _trim_endpoints(data / "endpoints.json", operations)


def _trim_model(path: Path, operations: Collection[str]) -> None:
    """Keep the operations and the shapes that they reach, without their documentation, in plain JSON."""
    model = json.loads(gzip.decompress(path.read_bytes()))
    model["operations"] = {name: model["operations"][name] for name in operations}
    shapes, reached = model["shapes"], set[str]()
    ahead = list(_shapes_in(model["operations"]))
    while ahead:
        name = ahead.pop()
        if name not in reached:
            reached.add(name)
            ahead += _shapes_in(shapes[name])
    model["shapes"] = {name: shapes[name] for name in shapes if name in reached}
    path.with_suffix("").write_text(json.dumps(_undocumented(model)))
    path.unlink()


def _shapes_in(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("shape"), str):
            yield part["shape"]
        part = list(part.values())
    if isinstance(part, list):
        for inner in part:
            yield from _shapes_in(inner)


def _undocumented(part: Any) -> Any:
    if isinstance(part, dict):
        is_text = isinstance(part.get("documentation"), str)
        return {name: _undocumented(inner) for name, inner in part.items() if not (is_text and name == "documentation")}
    return [_undocumented(inner) for inner in part] if isinstance(part, list) else part


def _trim_endpoints(path: Path, kept: Collection[str]) -> None:
    endpoints = json.loads(path.read_text())
    for partition in endpoints["partitions"]:
        services = partition["services"]
        partition["services"] = {name: services[name] for name in services if name in kept}
    path.write_text(json.dumps(endpoints))
