import os
import re
import socket
import subprocess
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from itertools import product
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs" / "streaming"
SITE = DOCS / "nginx.conf"
PREFIXED = re.compile(r"^```nginx\n(location /data/ .*?)^```", re.MULTILINE | re.DOTALL)
CELLS = [
    f"HTTP/{version}, buffering {buffering}"
    for version, buffering in product(["1.0", "1.1"], ["on", "off"])
]
STOP_SECONDS = 10

MAIN = """
daemon off;
user root;
worker_processes 1;
error_log stderr;
pid pid;
events {}
http {
    access_log off;
    client_body_temp_path temp;
    proxy_temp_path temp;
    fastcgi_temp_path temp;
    uwsgi_temp_path temp;
    scgi_temp_path temp;
"""


@contextmanager
def nginx(program: str, upstream: str, folder: Path) -> Generator[dict[str, str]]:
    """Run one nginx before `upstream` and give its URL for each of `CELLS`.

    Its error log goes to the standard error, where pytest shows it with a test that fails.
    """
    with ExitStack() as listeners:
        sockets = [listeners.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in CELLS]
        ports = [listener.getsockname()[1] for listener in sockets]
        (folder / "nginx.conf").write_text(configure(upstream, ports), encoding="utf-8")
        for listener in sockets:
            listener.setblocking(False)
        numbers = [listener.fileno() for listener in sockets]
        # As in an upgrade of its own program, nginx is given open sockets: no port can be lost.
        process = subprocess.Popen(
            [program, "-p", folder, "-e", "stderr", "-c", "nginx.conf"],
            env={**os.environ, "NGINX": "".join(f"{number};" for number in numbers)},
            pass_fds=numbers,
        )
    try:
        yield {cell: f"http://127.0.0.1:{port}" for cell, port in zip(CELLS, ports, strict=True)}
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        finally:
            process.kill()


def configure(upstream: str, ports: list[int]) -> str:
    """The site of the docs once for each of `CELLS`, with one upstream for all."""
    site = swap(SITE.read_text(encoding="utf-8"), "127.0.0.1:8000", upstream.split("//")[1])
    head, server = site.split("\n\nserver {")
    prefixed = PREFIXED.search((DOCS / "proxies.md").read_text(encoding="utf-8"))
    assert prefixed
    servers = []
    for cell, port in zip(CELLS, ports, strict=True):
        version, buffering = cell.removeprefix("HTTP/").split(", buffering ")
        changed = swap(server, "listen 80;", f"listen 127.0.0.1:{port};")
        changed = swap(changed, "version 1.1;", f"version {version};\nproxy_buffering {buffering};")
        if version == "1.0":  # nginx then has no Connection header of its own
            changed = swap(changed, 'proxy_set_header Connection "";', "")
        servers.append("server {" + prefixed[1] + changed)
    return "\n".join([MAIN, head, *servers, "}"])


def swap(text: str, old: str, new: str) -> str:
    assert old in text, f"{SITE.name} no longer has {old!r}"
    return text.replace(old, new)
