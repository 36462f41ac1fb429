"""The sums in ``docs/cost.md`` are right, and count what the template makes."""

import re
from pathlib import Path
from typing import Any

import pytest

from local.template import read

PAGE = (Path(__file__).parents[2] / "docs" / "cost.md").read_text()
LIKE, FIXED, MONTHS = (
    [[cell.strip(" *") for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    for table in re.findall(r"(?:^\|.*\n)+", PAGE, re.MULTILINE)
)
TEMPLATE = read()


def number(cell: str) -> float:
    """Return the number that a cell begins with: ``30,000 (one account's limit)``, ``0.000 001 5``."""
    match = re.match(r"[\d., ]+", cell)
    assert match, cell
    return float(re.sub("[, ]", "", match[0]))


def of_type(kind: str) -> list[dict[str, Any]]:
    return [each.get("Properties", {}) for each in TEMPLATE["Resources"].values() if each["Type"] == kind]


def test_the_parts_of_a_like_make_its_whole() -> None:
    gateway, *parts, together = LIKE

    assert number(gateway[3]) == number(gateway[2])
    assert sum(number(part[3]) for part in parts) == pytest.approx(number(together[3]), abs=5e-8)


def test_a_functions_price_is_that_of_its_memory_and_time() -> None:
    gigabytes = TEMPLATE["Globals"]["Function"]["MemorySize"] / 1024
    rows = [row for row in LIKE if "Lambda" in row[0]]

    assert len(rows) == 2
    for part, amount, _, price in rows:
        assert f"{TEMPLATE['Globals']['Function']['MemorySize']} MB" in part
        milliseconds = re.search(r"(\d+) ms", amount)
        assert milliseconds
        expected = 0.20e-6 + int(milliseconds[1]) / 1000 * gigabytes * 0.0000133334
        assert number(price) == pytest.approx(expected, rel=0.02)


def test_what_is_fixed_is_what_the_template_makes() -> None:
    secrets, metrics, alarms, dashboard, together = FIXED
    alarmed = sum(
        len([part for part in alarm.get("Metrics", [{"MetricStat": 1}]) if "MetricStat" in part])
        for alarm in of_type("AWS::CloudWatch::Alarm")
    )

    assert number(secrets[1]) == len(of_type("AWS::SecretsManager::Secret"))
    assert number(metrics[1]) == sum(map(int, re.findall(r"(\d+) of", metrics[1])))
    assert alarms[1] == f"{len(of_type('AWS::CloudWatch::Alarm'))} alarms over {alarmed} metrics"
    assert number(dashboard[1]) == len(of_type("AWS::CloudWatch::Dashboard"))
    costs = [number(amount) * number(price) for _, amount, price, _ in (secrets, metrics, dashboard)] + [alarmed * 0.10]
    assert sum(costs) == pytest.approx(number(together[3]))
    assert sum(number(row[3]) for row in FIXED[:-1]) == pytest.approx(number(together[3]))


@pytest.mark.parametrize("row", MONTHS, ids=lambda row: row[0])
def test_a_months_price_is_the_sum_of_its_parts(row: list[str]) -> None:
    likes, gateway, aws, fixed, together = map(number, row)

    assert gateway == pytest.approx(likes * number(LIKE[0][3]))
    assert aws == pytest.approx(likes * number(LIKE[-1][3]), abs=0.005)
    assert fixed == number(FIXED[-1][3])
    assert together == pytest.approx(gateway + aws + fixed, abs=0.005)
