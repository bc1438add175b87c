import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select, WebDriverWait

from tests.streaming.fixtures import PROJECT, START_SECONDS

CLIENTS = PROJECT / "clients"


class Panel:
    """A section of the page, as somebody sees it."""

    def __init__(self, section: WebElement) -> None:
        self.section = section

    def find(self, selector: str) -> WebElement:
        return self.section.find_element(By.CSS_SELECTOR, selector)

    def press(self, button: str) -> None:
        self.find(f"[name={button}]").click()

    def choose(self, name: str, value: str) -> None:
        Select(self.find(f"[name={name}]")).select_by_value(value)

    def fill(self, name: str, text: str) -> None:
        field = self.find(f"[name={name}]")
        field.clear()
        field.send_keys(text)

    @property
    def state(self) -> str | None:
        return self.find("[role=status]").get_attribute("data-state")

    @property
    def log(self) -> str:
        return self.find("[role=log]").text

    def figures(self) -> dict[str, str]:
        """All of them as they are at one moment."""
        script = (
            "return Object.fromEntries([...arguments[0].querySelectorAll('[data-figure]')]"
            ".map((figure) => [figure.dataset.figure, figure.textContent]))"
        )
        return self.section.parent.execute_script(script, self.section)

    def wait(self, is_reached: Callable[[dict[str, str]], object]) -> dict[str, str]:
        """The figures, once they are as they should be."""

        def look(_: Any) -> dict[str, str]:
            figures = self.figures()
            return figures if is_reached(figures) else {}

        return WebDriverWait(self.section.parent, START_SECONDS, 0.1).until(look)

    def wait_for_state(self, state: str) -> dict[str, str]:
        """The figures in that state, in which they were brought up to date before."""
        self.wait(lambda _: self.state == state)
        return self.figures()

    def code(self) -> dict[str, str]:
        """The request in each language."""
        examples = self.section.find_elements(By.CSS_SELECTOR, "pre[data-language]")
        return {
            str(each.get_attribute("data-language")): str(each.get_property("textContent"))
            for each in examples
        }


@pytest.fixture
def open_panel(browser: Any, service: str) -> Callable[[str], Panel]:
    """The section of a module, on a page that is opened anew."""

    def open_page(module: str) -> Panel:
        browser.get(service)
        patiently = WebDriverWait(browser, START_SECONDS)
        panel = Panel(patiently.until(lambda _: browser.find_element(By.ID, module)))
        live = panel.find(".live")
        patiently.until(lambda _: live.is_displayed())
        return panel

    return open_page


@pytest.fixture
def start_code(require: Any, tmp_path: Path) -> Iterator[Callable[[str, str], Any]]:
    """Start code of the page beside the clients of its language; it is ended with the test."""
    started = []
    commands = {
        "curl": lambda code: [require("sh"), "-c", code],
        "python": lambda code: [sys.executable, "-u", "-c", code],
        "javascript": lambda code: [require("node"), "--input-type=module", "--eval", code],
    }

    def start(language: str, code: str) -> subprocess.Popen[str]:
        folder = tmp_path / language
        folder.mkdir()
        for client in (CLIENTS / language).glob("*"):
            (folder / client.name).symlink_to(client)
        process = subprocess.Popen(
            commands[language](code),
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture
def run_code(start_code: Any) -> Callable[[str, str], str]:
    """Run code of the page to its end, and return what it prints."""

    def run(language: str, code: str) -> str:
        process = start_code(language, code)
        output, errors = process.communicate(timeout=START_SECONDS)
        assert process.returncode == 0, errors
        return output

    return run
