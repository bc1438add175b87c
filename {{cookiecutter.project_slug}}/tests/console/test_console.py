import re
from html import unescape
from pathlib import Path

import httpx2
import pytest
from selenium.webdriver.common.by import By

from tests.console.page import screen, wait_for_pieces

LINK = re.compile(r"""(?:href|src)=["']([^"':]+)["']""")
NAMED_ROLES = {"button", "checkbox", "combobox", "image", "link", "log", "radio", "textbox"}
NAMED_ROLES |= {"progressbar", "region", "spinbutton"}


def links_of(page: httpx2.Response) -> list[httpx2.URL]:
    return [page.url.join(unescape(link)) for link in LINK.findall(page.text)]


def test_it_links_every_module_and_no_link_is_dead(http, service):
    # Before the page: it may have more by then, once the database has told of its tables.
    paths = http.get(f"{service}/openapi.json").json()["paths"]
    links = links_of(http.get(service))
    groups = {link.path.split("/")[1] for link in links}
    routes = {path.split("/")[1] for path, operations in paths.items() if "get" in operations}
    assert routes <= groups
    for link in links:
        with http.stream("GET", link) as response:
            assert response.status_code == 200, link


def test_all_that_it_runs_is_in_files_of_the_service(http, service):
    page = http.get(service)
    policy = page.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert not re.search(r"""\sstyle=|\son\w+=|<style|<script(?! type="module" src=)""", page.text)
    for link in LINK.findall(page.text):
        assert not link.startswith(("/", "http")), "a proxy's prefix would be lost"


@pytest.mark.slow
def test_it_fits_a_telephone_and_a_screen_reader(browser, service):
    with screen(browser, width=390):
        browser.get(service)
        wait_for_pieces(browser)
        assert browser.execute_script("return document.documentElement.scrollWidth") <= 390
        browser.execute_cdp_cmd("Accessibility.enable", {})
        nodes = browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
        found = [node for node in nodes if node["role"]["value"] in NAMED_ROLES]
        assert len(found) > 5
        assert [node for node in found if not node["name"]["value"]] == []


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_contrast(browser, service, scheme):
    with screen(browser, scheme=scheme):
        browser.get(service)
        wait_for_pieces(browser)
        faint = Path(__file__).with_name("contrast.js").read_text(encoding="utf-8")
        assert browser.execute_script(faint) == []


@pytest.mark.slow
def test_it_works_below_a_prefix(below_a_prefix, browser):
    browser.get(below_a_prefix)
    wait_for_pieces(browser)
    for code in browser.find_elements(By.CSS_SELECTOR, "pre"):
        assert below_a_prefix in code.get_property("textContent")
