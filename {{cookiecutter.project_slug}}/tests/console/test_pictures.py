"""The page at work, as people see it. `PICTURES=docs/pictures` keeps what was drawn there."""

import os
from base64 import b64decode
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from tests.console.page import screen, wait_for_pieces
from tests.streaming.fixtures import START_SECONDS

VIEWS = {"light": (1200, "light"), "dark": (1200, "dark"), "telephone": (390, "light")}
AT_WORK = {"open", "complete"}
EVENTS = 20  # enough for a line
BLANK = """
return [...document.querySelectorAll("canvas")].filter((canvas) =>
  canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.every((part) => !part)
).length
"""


@pytest.mark.slow
@pytest.mark.parametrize("view", VIEWS)
def test_every_piece_is_drawn_at_work(browser, service, tmp_path, view):
    wait = WebDriverWait(browser, START_SECONDS)
    with screen(browser, *VIEWS[view]):
        browser.get(service)
        wait_for_pieces(browser)
        for button in browser.find_elements(By.NAME, "start"):
            if button.is_displayed() and button.is_enabled():
                button.click()
        wait.until(
            lambda page: all(
                state.get_attribute("data-state") in AT_WORK
                for state in page.find_elements(By.CSS_SELECTOR, "[role=status]")
            )
        )
        wait.until(
            lambda page: all(
                int(figure.text) > EVENTS
                for figure in page.find_elements(By.CSS_SELECTOR, "[data-figure=events]")
            )
        )
        assert browser.execute_script(BLANK) == 0
        size = browser.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]
        drawn = browser.execute_cdp_cmd(
            "Page.captureScreenshot",
            {"format": "webp", "quality": 80, "clip": {**size, "scale": 1}}
            | {"captureBeyondViewport": True},
        )
        kept = Path(os.environ.get("PICTURES", tmp_path))
        (kept / f"{view}.webp").write_bytes(b64decode(drawn["data"]))
