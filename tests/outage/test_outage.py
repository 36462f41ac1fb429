"""Three days in which nothing gets through, from the first call to the last."""

import pytest

from local.faults import Fault
from tests.conftest import Service

HOUR = 3_600.0
DAY = 24 * HOUR
MESSAGES = 4


@pytest.mark.timeout(300)
@pytest.mark.parametrize("status", [409, 403], ids=["unavailable", "blocked"])
def test_in_an_outage_of_three_days_nobody_is_blamed_and_nobody_hammers(service: Service, status: int) -> None:
    service.aisa.misbehave(Fault.answer(status, ""), times=1_000_000)
    for number in range(MESSAGES):
        service.send({"tweet_id": str(number + 1)})

    service.drain(seconds=3 * DAY - 2 * HOUR)

    assert not service.rejected
    assert len(service.waiting) == MESSAGES
    assert len(service.aisa.calls) < 3 * 24 * 4 * 8
    service.aisa.behave()
    service.drain(seconds=2 * HOUR)
    assert len(service.aisa.likes["default"]) == MESSAGES
