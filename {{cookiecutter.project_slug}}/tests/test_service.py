import re
import socket
import sys
from html import unescape
from pathlib import Path

from openapi_spec_validator import OpenAPIV32SpecValidator

from {{ cookiecutter.package_name }} import (
    main,
    modules,
)

PACKAGE = "{{ cookiecutter.package_name }}"


def test_it_is_alive_and_ready(http, service):
    assert http.get(f"{service}/healthz").json() == "alive"
    assert http.get(f"{service}/readyz").json() == "ready"


def test_openapi_is_valid_3_2(http, service):
    openapi = http.get(f"{service}/openapi.json").json()
    assert openapi["openapi"] == "3.2.0"
    OpenAPIV32SpecValidator(openapi).validate()


def test_the_console_links_every_module_and_no_link_is_dead(http, service):
    page = http.get(service).text
    links = [unescape(link) for link in re.findall(r'href="(/[^"]*)"', page)]
    groups = {link.split("/")[1] for link in links}
    paths = http.get(f"{service}/openapi.json").json()["paths"]
    routes = {path.split("/")[1] for path, operations in paths.items() if "get" in operations}
    assert routes <= groups
    for link in links:
        with http.stream("GET", service + link) as response:
            assert response.status_code == 200, link


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
