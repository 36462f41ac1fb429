"""The environment that the functions accept."""

import pytest

from likes.settings import AisaSettings, InvalidSetting, LedgerSettings


@pytest.mark.parametrize(
    "url",
    [
        "https://api.aisa.one",
        "https://gateway.example:8443/base",
        "http://127.0.0.1:9",
        "http://localhost",
        "http://[::1]:9",
    ],
)
def test_a_safe_address_is_taken(url: str) -> None:
    assert AisaSettings.read({"AISA_SECRET_ID": "s", "AISA_BASE_URL": url}).base_url == url


@pytest.mark.parametrize(
    "url",
    ["", "api.aisa.one", "http://api.aisa.one", "http://127.0.0.1.example", "https://u:p@api.aisa.one", "https://a/?q", "https://[", "https://a:x", "https://a:99999", "https://*.a", "https://a\tb", "https://[:::]"],
)  # fmt: skip
def test_an_address_that_would_give_the_key_away_is_refused(url: str) -> None:
    with pytest.raises(InvalidSetting, match=r"^AISA_BASE_URL"):
        AisaSettings.read({"AISA_SECRET_ID": "s", "AISA_BASE_URL": url})


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "", "\u00b2", "1" * 13])
def test_a_limit_that_is_no_number_is_refused(value: str) -> None:
    with pytest.raises(InvalidSetting, match=r"^LIKES_PER_DAY"):
        LedgerSettings.read({"STATE_TABLE": "t", "LIKES_PER_DAY": value})


def test_the_limits_are_xs_own_unless_others_are_set() -> None:
    budget = LedgerSettings.read({"STATE_TABLE": "t"}).budget

    assert (budget.likes_per_window, budget.window_seconds, budget.likes_per_day) == (50, 900, 1_000)
