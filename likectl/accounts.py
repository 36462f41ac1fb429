"""What the ledger says of accounts, and the end of a hold."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import batched
from typing import TYPE_CHECKING, Any, Final

from boto3.dynamodb.types import TypeDeserializer

from likes.ledger import Hold
from likes.outcomes import Kind

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import KeysAndAttributesOutputTypeDef, KeysAndAttributesTypeDef

_MOST_KEYS: Final = 100  # DynamoDB's limit for one call

_deserialize = TypeDeserializer().deserialize


@dataclass(frozen=True, slots=True)
class Account:
    """Where an account stands.

    Attributes:
        name: the account's.
        window_used: likes in the window that is running.
        window_ends_at: when it ends, Unix seconds; None when none is running.
        day_used: likes in the day that is running.
        day_ends_at: when it ends, Unix seconds; None when none is running.
        hold: why nobody calls for it; None when it is free.
    """

    name: str
    window_used: int = 0
    window_ends_at: float | None = None
    day_used: int = 0
    day_ends_at: float | None = None
    hold: Hold | None = None


class Accounts:
    """The accounts in the ledger.

    Parameters:
        table: name of the DynamoDB table.
        client: the DynamoDB client.
    """

    def __init__(self, table: str, client: "DynamoDBClient") -> None:
        self._table = table
        self._client = client

    def read(self, names: Iterable[str], now: float) -> list[Account]:
        """Return where each account stands at `now` (Unix seconds), in the order of `names`."""
        names = list(dict.fromkeys(names))
        items = {item["pk"]: item for item in self._items(names)}
        return [_account(name, items.get(_key(name), {}), now) for name in names]

    def clear_hold(self, name: str) -> Hold | None:
        """End an account's hold and return it, or None when there is none."""
        try:
            answer = self._client.update_item(
                TableName=self._table,
                Key={"pk": {"S": _key(name)}},
                UpdateExpression="REMOVE hold_until, hold_seconds, hold_kind, hold_reason ADD revision :one",
                ConditionExpression="attribute_exists(hold_until)",
                ExpressionAttributeValues={":one": {"N": "1"}},
                ReturnValues="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return None
        return _hold({name: _deserialize(value) for name, value in answer["Attributes"].items()})

    def _items(self, names: list[str]) -> Iterator[dict[str, Any]]:
        for some in batched(names, _MOST_KEYS, strict=False):
            wanted: Mapping[str, KeysAndAttributesTypeDef | KeysAndAttributesOutputTypeDef] = {
                self._table: {"Keys": [{"pk": {"S": _key(name)}} for name in some], "ConsistentRead": True}
            }
            while wanted:
                answer = self._client.batch_get_item(RequestItems=wanted)
                for item in answer["Responses"].get(self._table, []):
                    yield {name: _deserialize(value) for name, value in item.items()}
                wanted = answer.get("UnprocessedKeys", {})


def _account(name: str, item: Mapping[str, Any], now: float) -> Account:
    spans: dict[str, tuple[int, float | None]] = {}
    for span in ("window", "day"):
        ends_at = float(item.get(f"{span}_ends_at", 0)) / 1000
        spans[span] = (int(item[f"{span}_used"]), ends_at) if now < ends_at else (0, None)
    hold = _hold(item) if "hold_until" in item else None
    return Account(name, *spans["window"], *spans["day"], hold if hold and now < hold.until else None)


def _hold(item: Mapping[str, Any]) -> Hold:
    until, seconds = (float(item[name]) / 1000 for name in ("hold_until", "hold_seconds"))
    return Hold(Kind(item["hold_kind"]), item["hold_reason"], until, seconds)


def _key(name: str) -> str:
    return f"account#{name}"
