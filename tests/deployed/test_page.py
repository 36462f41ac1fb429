"""The page of ``make run``, in a real browser."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from tests.deployed.conftest import Deployed, together

SCREENSHOT = Path(__file__).parents[2] / "docs" / "images" / "page.png"
DESKTOP, PHONE = (1280, 900), (390, 844)
TWEET = "1228393702244134912"


pytestmark = [*together, pytest.mark.simulated]
expect.set_options(timeout=30_000)  # milliseconds; a first start takes a while on a busy machine


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=path) as browser:
        yield browser


@pytest.fixture(params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def page(service: Deployed, browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    width, height = request.param
    errors: list[str] = []
    elsewhere: list[str] = []
    with browser.new_page(viewport={"width": width, "height": height}) as page:
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda sent: elsewhere.append(sent.url))
        page.goto(service.url)
        yield page
    assert errors == []
    assert [url for url in elsewhere if not url.startswith((service.url, "data:"))] == [], "it works offline"


def execute(page: Page, operation: str, body: str) -> Locator:
    """Open an operation, send `body` through it, and return what shows the answer."""
    block = page.locator(f"#operations-{operation}")
    block.locator(".opblock-summary").first.click()
    block.get_by_role("button", name="Try it out").click()
    block.locator("textarea.body-param__text").fill(body)
    block.get_by_role("button", name="Execute").click()
    return block.locator(".live-responses-table")


def test_a_like_is_made_and_shown(page: Page, service: Deployed) -> None:
    answer = execute(page, "likes-like", f'{{"tweet_id": "{TWEET}"}}')

    expect(answer.locator(".response-col_status").last).to_contain_text("200")
    expect(answer).to_contain_text('"liked": true')
    assert TWEET in service.aisa.likes["default"]


def test_a_mistake_is_explained(page: Page) -> None:
    answer = execute(page, "likes-like", '{"tweet_id": 1228393702244134912}')

    expect(answer.locator(".response-col_status").last).to_contain_text("400")
    expect(answer).to_contain_text("tweet_id_not_a_string")


def test_a_webhook_is_signed_by_the_page(page: Page) -> None:
    answer = execute(page, "webhooks-webhook", '{"tweet_id": "20"}')

    expect(answer.locator(".response-col_status").last).to_contain_text("202")
    expect(answer).to_contain_text('"queued": true')


def test_nothing_is_wider_than_the_window(page: Page) -> None:
    answer = execute(page, "likes-like", f'{{"tweet_id": "{TWEET}"}}')
    expect(answer.locator(".response-col_status").last).to_contain_text("200")

    page.wait_for_function("document.documentElement.scrollWidth <= window.innerWidth")
    if "SCREENSHOT" in os.environ and page.viewport_size == {"width": DESKTOP[0], "height": DESKTOP[1]}:
        page.locator("textarea.body-param__text").evaluate("element => element.scrollIntoView()")
        page.screenshot(path=SCREENSHOT)
