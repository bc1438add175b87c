"""How an app is started with the server adapter: `python -m PACKAGE.streaming APP`."""

import os
import socket
import sys
from argparse import ArgumentParser, ArgumentTypeError
from contextlib import ExitStack, suppress
from tempfile import TemporaryDirectory
from typing import Any

import uvicorn
from uvicorn.importer import ImportFromStringError, import_from_string

from . import __name__ as PROGRAM
from .configuration import check_settings
from .metrics import SHARED_FOLDER
from .server import Connection, Supervisor
from .settings import streaming_settings

# What the core needs to end the last streams once the grace period is over.
LAST_WORDS_SECONDS = 3
# A worker that imports large libraries on a busy machine is silent for longer than uvicorn's five
# seconds, and would be killed again and again.
SILENT_SECONDS = 60
PACKAGE = PROGRAM.rpartition(".")[0]
LAST_PORT = 65_535


def main(program: str = PROGRAM) -> None:
    parser = ArgumentParser(
        prog=f"python -m {program}", description="Run the service on this machine."
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument(
        "--port", type=port_number, default=8000, help="port (%(default)s; 0: any free)"
    )
    parser.add_argument("--workers", type=worker_count, default=1, help="processes (%(default)s)")
    parser.add_argument(
        "--root-path",
        type=path_prefix,
        default="",
        help="prefix that a proxy takes off, such as /data",
    )
    parser.add_argument(
        "--check", action="store_true", help="check the settings, and start nothing"
    )
    parser.add_argument(
        "app", nargs="?", default=f"{PACKAGE}.main:app", help="what to serve (%(default)s)"
    )
    options = parser.parse_args()
    app = load(options.app)
    check_settings()
    if options.check:
        return
    listener = listen(options.host, options.port)
    host, port = listener.getsockname()[:2]
    print(f"The service is at http://{host}:{port} (Ctrl-C ends it).", flush=True)
    grace_seconds = round(streaming_settings().shutdown_grace_seconds)
    config = uvicorn.Config(
        app if options.workers == 1 else options.app,
        http=Connection,
        host=host,
        port=port,
        workers=options.workers,
        root_path=options.root_path,
        timeout_graceful_shutdown=grace_seconds + LAST_WORDS_SECONDS,
        timeout_worker_healthcheck=SILENT_SECONDS,
    )
    with suppress(KeyboardInterrupt):  # uvicorn has shut down by then, and raises it again
        run(config, listener)


def load(app: str) -> Any:
    """What is to be served, with all settings that it has."""
    try:
        return import_from_string(app)
    except ImportFromStringError as error:
        sys.exit(str(error))


def port_number(text: str) -> int:
    if not 0 <= (number := int(text)) <= LAST_PORT:
        raise ArgumentTypeError(f"{number} is not between 0 and {LAST_PORT}")
    return number


def worker_count(text: str) -> int:
    if (number := int(text)) < 1:
        raise ArgumentTypeError(f"{number} is less than 1")
    return number


def path_prefix(text: str) -> str:
    if text and not text.startswith("/"):
        raise ArgumentTypeError(f"{text!r} does not begin with /")
    return text.rstrip("/")


def run(config: uvicorn.Config, listener: socket.socket) -> None:
    if config.workers == 1:
        uvicorn.Server(config).run(sockets=[listener])
        return
    with ExitStack() as stack:
        if SHARED_FOLDER not in os.environ:
            folder = TemporaryDirectory(prefix="metrics-", ignore_cleanup_errors=True)
            os.environ[SHARED_FOLDER] = stack.enter_context(folder)
        Supervisor(config, sockets=[listener]).run()


def listen(host: str, port: int) -> socket.socket:
    """Take the port before anything else is started, so that a refusal is the only output."""
    try:
        return socket.create_server((host, port))
    except OSError as error:
        sys.exit(f"Cannot listen on {host}:{port}: {error.strerror}. Choose another --port.")


if __name__ == "__main__":
    main()
