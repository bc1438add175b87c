"""The page in Chromium, as it is for people with different screens."""

from collections.abc import Generator
from contextlib import contextmanager

from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from tests.streaming.fixtures import START_SECONDS


@contextmanager
def screen(browser: Chrome, width: int = 1200, scheme: str = "light") -> Generator[None]:
    """Give the page such a screen, and the one of before at the end."""
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 800}
    feature = {"name": "prefers-color-scheme", "value": scheme}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    try:
        yield
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def wait_for_pieces(browser: Chrome) -> None:
    """Until each has started, or has said why not."""
    pieces = len(browser.find_elements(By.CSS_SELECTOR, "[data-piece]"))
    WebDriverWait(browser, START_SECONDS).until(
        lambda page: (
            len(page.find_elements(By.CSS_SELECTOR, ".live:not([hidden]), [role=alert]")) == pieces
        )
    )
    assert [alert.text for alert in browser.find_elements(By.CSS_SELECTOR, "[role=alert]")] == []
