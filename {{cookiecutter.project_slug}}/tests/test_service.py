import re
import socket
import sys
from html import unescape
from pathlib import Path

import httpx2
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator, OpenAPIV32SpecValidator
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from {{ cookiecutter.package_name }} import (
    main,
    modules,
)

from tests.streaming.fixtures import START_SECONDS

PACKAGE = "{{ cookiecutter.package_name }}"


def test_it_is_alive_and_ready(http, service):
    assert http.get(f"{service}/healthz").json() == "alive"
    assert http.get(f"{service}/readyz").json() == "ready"


def test_openapi_is_valid_3_2(http, service):
    openapi = http.get(f"{service}/openapi.json").json()
    assert openapi["openapi"] == "3.2.0"
    OpenAPIV32SpecValidator(openapi).validate()


def test_openapi_is_valid_3_1_too_and_says_of_a_stream_that_it_is_text(http, service):
    openapi = http.get(f"{service}/openapi-3.1.json").json()
    assert openapi["openapi"] == "3.1.1"
    assert openapi["paths"].keys() == http.get(f"{service}/openapi.json").json()["paths"].keys()
    assert "itemSchema" not in str(openapi)
    OpenAPIV31SpecValidator(openapi).validate()


def links_of(page: httpx2.Response) -> list[httpx2.URL]:
    found = re.findall(r"""(?:href|src)=["']([^"':]+)["']""", page.text)
    return [page.url.join(unescape(link)) for link in found]


def test_the_api_docs_load_nothing_from_elsewhere(http, service):
    page = http.get(f"{service}/docs")
    links = links_of(page)
    assert {link.path for link in links} >= {"/docs/assets/swagger-ui-bundle.js"}
    for link in links:
        assert link.host == page.url.host
        assert http.get(link).status_code == 200, link
    assert not re.search(r"//(?!127)", page.text.replace("<!--", ""))


def test_the_api_docs_stand_behind_a_prefix(http, service):
    """A proxy takes it off, so that only links that are relative keep it."""
    for link in re.findall(r"""(?:href|src)=["']([^"']+)["']""", http.get(f"{service}/docs").text):
        assert not link.startswith("/")


@pytest.mark.slow
def test_a_proxy_serves_all_of_it_below_a_prefix(http, below_a_prefix, browser):
    links = links_of(http.get(f"{below_a_prefix}docs"))
    assert len(links) > 1
    for link in links:
        assert str(link).startswith(below_a_prefix)
        with http.stream("GET", link) as response:
            assert response.status_code == 200, link
    browser.get(f"{below_a_prefix}docs")
    WebDriverWait(browser, START_SECONDS).until(
        lambda shown: shown.find_elements(By.CSS_SELECTOR, ".opblock")
    )
    for document in ("openapi.json", "openapi-3.1.json"):
        assert http.get(below_a_prefix + document).json()["servers"] == [{"url": "/data"}]


@pytest.mark.slow
def test_the_api_docs_show_every_operation(http, service, browser):
    paths = http.get(f"{service}/openapi.json").json()["paths"].values()
    browser.get(f"{service}/docs")
    WebDriverWait(browser, START_SECONDS).until(
        lambda page: len(page.find_elements(By.CSS_SELECTOR, ".opblock")) == sum(map(len, paths))
    )


def test_no_cache_keeps_what_is_true_now(http, service):
    for path in ("/healthz", "/readyz", "/metrics", "/nope"):
        assert http.get(service + path).headers["cache-control"] == "no-store", path


def test_there_is_no_redirect_that_a_proxy_would_have_to_rewrite(http, service):
    for path in http.get(f"{service}/openapi.json").json()["paths"]:
        if "{" not in path:
            assert not http.get(f"{service}{path}/").is_redirect


def test_a_module_is_found_by_its_folder(tmp_path, monkeypatch):
    (tmp_path / "extra").mkdir()
    (tmp_path / "extra" / "__init__.py").touch()
    router = (
        "from fastapi import APIRouter\nrouter = APIRouter()\nrouter.get('/extra')(lambda: {})\n"
    )
    (tmp_path / "extra" / "router.py").write_text(router, encoding="utf-8")
    monkeypatch.setattr(modules, "__path__", [*modules.__path__, str(tmp_path)])
    assert "/extra" in main.create_app().openapi()["paths"]


def test_no_other_origin_may_read(http, service):
    response = http.get(f"{service}/healthz", headers={"Origin": "https://example.org"})
    assert "access-control-allow-origin" not in response.headers


def test_the_command_has_help(run):
    result = run(sys.executable, "-m", PACKAGE, "--help")
    assert (result.returncode, result.stderr) == (0, "")
    assert "--port" in result.stdout


def test_a_port_that_is_taken_is_one_clear_line(run, tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run(sys.executable, "-m", PACKAGE, "--port", str(port))
    assert result.returncode == 1
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert str(port) in result.stderr
    assert list(tmp_path.iterdir()) == []
