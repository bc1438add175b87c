"""The commands of the README, as a newcomer types them."""

import os
import re
import shutil
import socket
import ssl
import sys
import threading
from collections.abc import Iterator
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path
from urllib.request import urlopen

import pytest

from template import PROJECT
from terminal import Terminal

pytestmark = pytest.mark.unix

START_SECONDS = 90


@pytest.mark.parametrize("project", [PROJECT.parent, PROJECT], ids=["template", "service"])
def test_make_alone_lists_its_targets_with_a_line_each(run, project):
    lines = run("make", cwd=project).stdout.splitlines()
    listed = [line.split()[1] for line in lines if line.startswith("make ")]
    rules = re.findall(r"^\.PHONY: (.*)", (project / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert listed == rules[0].split()


def test_make_demo_starts_what_it_says_and_ctrl_c_ends_it(checkout):
    terminal = Terminal("make", "demo", "PORT=0", "MODULES=sse jsonl", cwd=checkout)
    terminal.read_until("starts it at a free port", START_SECONDS)
    url = terminal.read_until(r"http://127\.0\.0\.1:\d+ ", START_SECONDS)[0].strip()
    terminal.read_until("Application startup complete", START_SECONDS)
    page = urlopen(url, timeout=10).read().decode()  # noqa: S310
    assert "/events/readings" in page
    assert "/files" not in page
    with urlopen(f"{url}/events/readings", timeout=10) as events:  # noqa: S310
        events.readline()
        terminal.press_ctrl_c()
        terminal.wait()
    assert "Application shutdown complete" in terminal.output
    assert "Traceback" not in terminal.output
    check_one_line_for_a_port_that_is_taken(checkout)


def check_one_line_for_a_port_that_is_taken(checkout: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        terminal = Terminal("make", "run", f"PORT={port}", cwd=checkout / ".demo" / "my-service")
        terminal.wait()
    said, *make = terminal.output.splitlines()
    assert port in said
    assert all("***" in line for line in make)


def test_a_module_that_there_is_not_is_named(run, checkout, uv):
    result = run("make", "demo", "MODULES=sse nope", f"UV={uv}", cwd=checkout, check=False)
    assert result.returncode != 0
    assert "There is no module nope; there are: file_download sse" in result.stdout
    assert not (checkout / ".demo").exists()


@pytest.mark.parametrize(
    ("modules", "edited", "said"),
    [
        ("", None, "MODULES names no module"),
        ("nope", None, "There is no module nope"),
        ("sse", "src/my_service/modules/sse/source.py", "modules/sse/source.py was changed"),
        ("sse", "notes.txt", "notes.txt was changed"),
    ],
)
def test_a_demo_is_not_deleted_for_nothing_or_with_what_somebody_wrote(
    run, checkout, uv, modules, edited, said
):
    service = checkout / ".demo" / "my-service"
    (service / "data").mkdir(parents=True)
    (checkout / ".demo" / "rendered").touch()
    os.utime(checkout / ".demo" / "rendered", (0, 1))
    (service / "data" / "readings.duckdb").touch()  # the demo's own, and no edit
    if edited:
        (service / edited).parent.mkdir(parents=True, exist_ok=True)
        (service / edited).touch()
    result = run("make", "demo", f"MODULES={modules}", f"UV={uv}", cwd=checkout, check=False)
    assert result.returncode != 0
    assert said in result.stdout
    assert (service / "data" / "readings.duckdb").exists()


@pytest.fixture
def without_uv(tmp_path: Path) -> dict[str, str]:
    """An environment in which there is no uv and no package index."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for program in ("sh", "awk", "mkdir", "touch", "rm", "git", "make"):
        (programs / program).symlink_to(shutil.which(program) or program)
    nowhere = "http://127.0.0.1:9"
    return {
        "PATH": str(programs),
        "UV": "",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": nowhere,
        "PIP_FIND_LINKS": "",
        "PIP_RETRIES": "0",
    }


def test_a_python_that_is_too_old_is_one_clear_line(run, checkout, without_uv, tmp_path):
    old = tmp_path / "python3.9"
    old.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    old.chmod(0o755)
    result = run("make", "demo", f"PYTHON={old}", cwd=checkout, check=False, **without_uv)
    said, *rest = [line for line in result.stdout.splitlines() if "***" not in line]
    assert "Python 3.11 or newer is needed" in said
    assert not [line for line in rest if not line.startswith("make")]


def test_no_network_is_said(run, checkout, without_uv):
    result = run(
        "make", "demo", f"PYTHON={sys.executable}", cwd=checkout, check=False, **without_uv
    )
    assert result.returncode != 0
    assert "uv could not be installed (is there a network" in result.stdout
    assert "set SSL_CERT_FILE and PIP_CERT to their PEM file" in result.stdout
    assert not (checkout / ".uv").exists()


class PackageIndex(SimpleHTTPRequestHandler):
    """An index that has no package, and counts who has come to it."""

    asked = 0

    def do_GET(self) -> None:
        PackageIndex.asked += 1
        self.send_error(404)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture
def company(run, tmp_path) -> Iterator[tuple[str, Path]]:
    """The URL of a package index behind a company's own certificates, and their PEM file."""
    run(
        *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=Company"),
        *("-days", "1", "-keyout", "ca.key", "-out", "ca.pem"),
        cwd=tmp_path,
    )
    run(
        *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"),
        *("-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=CA:FALSE"),
        *("-days", "1", "-keyout", "key.pem", "-out", "index.pem"),
        *("-CA", "ca.pem", "-CAkey", "ca.key"),
        cwd=tmp_path,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "index.pem", tmp_path / "key.pem")
    with HTTPServer(("localhost", 0), PackageIndex) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"https://localhost:{server.server_port}/simple", tmp_path / "ca.pem"
        server.shutdown()


@pytest.mark.slow
def test_behind_a_companys_certificates_what_the_message_names_lets_uv_and_pip_in(
    run, checkout, without_uv, uv, company
):
    url, certificates = company
    nobody = dict.fromkeys(("SSL_CERT_FILE", "SSL_CERT_DIR", "PIP_CERT"), "")
    nobody |= {"REQUESTS_CA_BUNDLE": "", "CURL_CA_BUNDLE": "", "UV_HTTP_RETRIES": "0"}
    index = {"PIP_INDEX_URL": url, "UV_DEFAULT_INDEX": url, "UV_PYTHON": sys.executable}
    named = {"SSL_CERT_FILE": str(certificates), "PIP_CERT": str(certificates)}
    for installer in (f"PYTHON={sys.executable}", f"UV={uv}"):
        for trusted in ({}, named):
            asked_before = PackageIndex.asked
            environment = without_uv | nobody | index | trusted
            (checkout / "uv.lock").unlink(missing_ok=True)
            command = ("make", ".venv/.synced", installer)
            result = run(*command, cwd=checkout, check=False, **environment)
            assert "set SSL_CERT_FILE and PIP_CERT to their PEM file" in result.stdout
            assert (PackageIndex.asked > asked_before) == bool(trusted), result.stdout
