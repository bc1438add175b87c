"""What the tests of the core and of the modules share."""

import contextlib
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import chain
from pathlib import Path
from typing import IO, Any, NamedTuple

import httpx2
import pytest
from selenium import webdriver

from tests.streaming.hop import hop
from tests.streaming.nginx import CELLS, nginx

PROJECT = Path(__file__).parents[2]
PACKAGE = "{{ cookiecutter.package_name }}"
# The service, where it is one of the template's; the modules alone, where they are in another app.
IS_SERVICE = (PROJECT / "tests" / "test_service.py").exists()
APP = f"{PACKAGE}.main:app" if IS_SERVICE else "tests.streaming.modules_app:app"
FAILING_APP = "tests.streaming.failing_app:app"
# How an app may be served: `python -m` of what follows.
SERVERS = {
    "ours": "{package}.streaming {app} --port {port}",
    "uvicorn": "uvicorn {app} --port {port}",
    "fastapi": "fastapi run --entrypoint {app} --host 127.0.0.1 --port {port}",
    "granian": "granian {app} --interface asgi --no-ws --port {port}",
    "gunicorn": "gunicorn {app} -k uvicorn.workers.UvicornWorker --bind 127.0.0.1:{port}",
    "hypercorn": "hypercorn {app} --bind 127.0.0.1:{port}",
}
MARKERS = (
    "alone: measures time, which whatever runs beside it would change",
    "framework: shows what FastAPI does without the core",
    "slow: takes seconds (a browser, a load test, the commands of the docs)",
)
# Ours takes the port and names it before the app is loaded.
READY = re.compile(
    r"(?:on|at:|service is at(?=.*startup complete)) (http://([\d.]+):(\d+))", re.DOTALL
)
START_SECONDS = 60
STOP_SECONDS = 30
CLIENT_SECONDS = 60
SOON_SECONDS = 5  # for what is due now, on a machine that has other work
DEMO_ROWS = 60_000  # more than one batch for every module

IN_BROWSER = """
const [url, service, script, done] = arguments;
const AsyncFunction = (async () => {}).constructor;
import(url)
  .then((client) => new AsyncFunction("client", "service", script)(client, service))
  .then(done, (error) => done(String(error)));
"""


def pytest_configure(config: pytest.Config) -> None:
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)


@pytest.fixture(scope="session")
def require() -> Callable[..., str]:
    """Give the path of the first of some programs that is there.

    Without any the test is skipped, or fails if `REQUIRE_SERVICES=1` says that none may be missing.
    """

    # Debian keeps servers in a folder that is not on everybody's PATH.
    folders = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"])

    def find(*programs: str) -> str:
        for path in filter(None, map(partial(shutil.which, path=folders), programs)):
            return path
        missing = f"{' or '.join(programs)} is not installed"
        if os.environ.get("REQUIRE_SERVICES") == "1":
            pytest.fail(missing)
        pytest.skip(missing)

    return find


class Server:
    """A real server on a socket: `url` is where it answers, `log` what it has printed."""

    def __init__(self, process: subprocess.Popen[bytes], url: str, log_file: Path) -> None:
        self.process = process
        self.url = url
        self._log_file = log_file

    @property
    def log(self) -> str:
        return self._log_file.read_text(encoding="utf-8")

    @property
    def memory(self) -> int:
        """The bytes that the process has in memory."""
        status = Path(f"/proc/{self.process.pid}/status")
        if not status.exists():
            pytest.skip("needs /proc")
        return int(status.read_text().partition("VmRSS:")[2].split()[0]) * 1024


Serve = Callable[..., contextlib.AbstractContextManager[Server]]


@pytest.fixture(scope="session")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Serve:
    """Start an app: `with serve("package.module:app", "--workers", "4", DEMO_ROWS="10") as server`.

    The options are those of `python -m {{ cookiecutter.package_name }}`, or of another of `SERVERS`.
    """

    @contextlib.contextmanager
    def start(
        app: str = APP, *options: str, server: str = "ours", **environment: str
    ) -> Generator[Server]:
        folder = tmp_path_factory.mktemp("server")
        defaults = {
            "DEMO_ROWS": str(DEMO_ROWS),
            "PYTHONPATH": str(PROJECT),
            "STREAMING_DRAIN_DELAY_SECONDS": "0",
        }
        log_file = folder / "log"
        program = SERVERS[server].format(package=PACKAGE, app=app, port=free_port())
        command = [sys.executable, "-m", *program.split(), *options]
        with log_file.open("wb") as log:
            process = subprocess.Popen(
                command,
                cwd=folder,  # what a service keeps is not for another one
                env={**os.environ, **defaults, **environment},
                stdout=log,
                stderr=log,
            )
        try:
            yield Server(process, wait_until_ready(process, log_file), log_file)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_SECONDS)
            finally:
                process.kill()

    return start


@pytest.fixture(params=[1, 4], ids="{} workers".format)
def terminate(request: pytest.FixtureRequest, serve: Serve) -> Callable[..., Any]:
    """Serve the failing app by one worker or by four, and end the process that started them.

    `with terminate() as (url, sigterm)` expects the end soon after `sigterm()`.
    """

    @contextlib.contextmanager
    def run(app: str = FAILING_APP, **settings: str) -> Generator[tuple[str, Callable[[], None]]]:
        with serve(app, "--workers", str(request.param), **settings) as server:
            yield server.url, server.process.terminate
            server.process.wait(timeout=SOON_SECONDS)
            assert "Traceback" not in server.log

    return run


@contextlib.contextmanager
def reading(http: httpx2.Client, url: str) -> Generator[httpx2.Response]:
    with http.stream("GET", url, timeout=10) as response:
        assert response.status_code == 200
        yield response


def free_port() -> int:
    """One of those that no system gives to a connection that goes out while a server starts."""
    while True:
        port = random.randrange(10_000, 32_768)  # noqa: S311
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def wait_until_ready(process: subprocess.Popen[bytes], log_file: Path) -> str:
    """Return the URL that the server names in its log once it answers there."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if found := READY.search(log_file.read_text()):
            with contextlib.suppress(OSError), socket.create_connection((found[2], found[3])):
                return found[1]
        time.sleep(0.05)
    pytest.fail(f"the server has not started:\n{log_file.read_text()}")


@pytest.fixture(scope="session")
def service(serve: Serve) -> Iterator[str]:
    """The URL of the service, started once for all tests, far from UTC and with a lively demo."""
    with serve(DEMO_PERIOD_SECONDS="0.2", TZ="America/New_York") as server:
        yield server.url


@pytest.fixture(scope="session")
def http() -> Iterator[httpx2.Client]:
    """One client for all tests: each new one would read the certificates of the system again."""
    with httpx2.Client(timeout=10) as client:
        yield client


@pytest.fixture
def cut_off(service: str) -> Iterator[Callable[..., str]]:
    """Give the URL of a hop that cuts responses of the service off: `cut_off(1, after=1000)`."""
    with contextlib.ExitStack() as hops:
        yield lambda cuts, *, after: hops.enter_context(hop(service, cuts=cuts, cut_after=after))


@pytest.fixture(scope="session")
def start_nginx(
    require: Callable[..., str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], dict[str, str]]]:
    """Run an nginx before each upstream that is asked for, and keep it for the tests to come."""
    with contextlib.ExitStack() as running:

        @cache
        def start(upstream: str) -> dict[str, str]:
            folder = tmp_path_factory.mktemp("nginx")
            return running.enter_context(nginx(require("nginx"), upstream, folder))

        yield start


@pytest.fixture(scope="session")
def below_a_prefix(serve: Serve, start_nginx: Callable[[str], dict[str, str]]) -> Iterator[str]:
    """The URL at which nginx passes the service on from below `/data/`, without that prefix."""
    with serve(APP, "--root-path", "/data/") as server:
        yield start_nginx(server.url)["HTTP/1.1, buffering on"] + "/data/"


@pytest.fixture(params=CELLS)
def behind_nginx(request: pytest.FixtureRequest, start_nginx: Any) -> Callable[[str], str]:
    """Give the URL at which nginx passes on to an upstream, in each of its settings in turn."""
    return lambda upstream: start_nginx(upstream)[request.param]


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a program in an empty folder and return what it prints."""

    def run_program(*command: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
        options = {"cwd": tmp_path, "timeout": CLIENT_SECONDS, **options}
        return subprocess.run(
            command, capture_output=True, text=True, encoding="utf-8", check=False, **options
        )

    return run_program


@pytest.fixture
def client_command(require: Callable[..., str]) -> Callable[..., list[str]]:
    """The command of a client of `clients/`, with the program that its language needs.

    `limits` are `attempts` and `stall_seconds`: options, and in a shell variables.
    """
    programs = {".py": lambda: sys.executable, ".js": lambda: require("node")}

    def command(client: str, *arguments: str, limits: dict[str, float] | None = None) -> list[str]:
        path = PROJECT / "clients" / client
        given = (limits or {}).items()
        if path.suffix == ".sh":
            require("curl")
            variables = [f"{name.upper()}={value}" for name, value in given]
            return [require("env"), *variables, require("sh"), str(path), *arguments]
        options = [(f"--{name.replace('_', '-')}", str(value)) for name, value in given]
        return [programs[path.suffix](), str(path), *chain(*options), *arguments]

    return command


@pytest.fixture
def run_client(client_command: Any, run: Any) -> Any:
    """Run a client of `clients/` by its path there."""

    def run_one(*command: str, limits: dict[str, float] | None = None, **options: Any) -> Any:
        return run(*client_command(*command, limits=limits), **options)

    return run_one


@pytest.fixture
def start_client(client_command: Any) -> Callable[..., contextlib.AbstractContextManager[IO[str]]]:
    """Start a client and give its output; in the end it is ended, with all that it has started.

    So it is when it takes a minute, and then there is no more output.
    """

    @contextlib.contextmanager
    def start(*command: str, limits: dict[str, float] | None = None) -> Generator[IO[str]]:
        options: Any = {"stdout": subprocess.PIPE, "encoding": "utf-8", "start_new_session": True}
        with subprocess.Popen(client_command(*command, limits=limits), **options) as process:
            assert process.stdout is not None
            end = partial(os.killpg, process.pid, signal.SIGTERM)
            timer = threading.Timer(CLIENT_SECONDS, end)
            timer.start()
            try:
                yield process.stdout
            finally:
                timer.cancel()
                end()

    return start


class Run(NamedTuple):
    """A client that has run behind nginx, in a folder of its own."""

    cell: str
    command: list[str]
    folder: Path
    result: subprocess.CompletedProcess[str]


@pytest.fixture
def run_behind_nginx(start_nginx: Any, run_client: Any, tmp_path: Path) -> Any:
    """Run clients on an upstream through every nginx at once; an argument `/path` is made a URL."""

    def run_one(cell: str, nginx_url: str, command: Sequence[str], limits: Any) -> Run:
        folder = tmp_path / cell.replace("/", " ") / Path(command[0]).parent
        folder.mkdir(parents=True)
        whole = [nginx_url + part if part.startswith("/") else part for part in command]
        return Run(cell, whole, folder, run_client(*whole, limits=limits, cwd=folder))

    def run_all(upstream: str, *commands: Sequence[str], **limits: float) -> list[Run]:
        cells = start_nginx(upstream).items()
        runs = [(*cell, command, limits) for cell in cells for command in commands]
        with ThreadPoolExecutor(len(runs)) as threads:
            return list(threads.map(run_one, *zip(*runs, strict=True)))

    return run_all


@pytest.fixture(scope="session")
def chromium(require: Callable[..., str]) -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = require("chromium", "google-chrome")
    for argument in ("--headless", "--no-sandbox", "--disable-background-networking"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options, webdriver.ChromeService(require("chromedriver")))
    driver.set_script_timeout(60)
    yield driver
    driver.quit()


@pytest.fixture
def browser(chromium: webdriver.Chrome) -> Iterator[webdriver.Chrome]:
    """Chromium, whose page ends with the test: one that draws what comes works until then."""
    yield chromium
    chromium.get("about:blank")


class ClientFiles(SimpleHTTPRequestHandler):
    """The folder of the JavaScript clients, for pages of another origin."""

    def end_headers(self) -> None:
        self.send_header("Access-Control-Allow-Origin", "*")
        super().end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture(scope="session")
def client_files() -> Iterator[str]:
    """The URL of the JavaScript clients, as a page imports them."""
    handler = partial(ClientFiles, directory=PROJECT / "clients" / "javascript")
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def in_browser(browser: webdriver.Chrome, service: str, client_files: str) -> Callable[..., Any]:
    """Import a client of `clients/javascript` in a page of the service and run a script on it.

    The script finds the client's exports in `client` and the service's URL in `service`, and
    returns the result. `prepare` is called once the page is there.
    """

    def run_script(
        client: str,
        script: str,
        service: str = service,
        prepare: Callable[[], object] = lambda: None,
    ) -> Any:
        browser.get(f"{service}/healthz")
        prepare()
        return browser.execute_async_script(IN_BROWSER, f"{client_files}/{client}", service, script)

    return run_script
