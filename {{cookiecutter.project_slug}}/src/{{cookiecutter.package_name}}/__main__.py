import argparse
import socket
import sys
from contextlib import suppress

import uvicorn

# How long open streams may take to finish after SIGTERM; compose.yaml waits for somewhat longer.
GRACE_SECONDS = 25


def main() -> None:
    parser = argparse.ArgumentParser(
        prog=f"python -m {__package__}", description="Run the service on this machine."
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=8000, help="port (%(default)s; 0: any free)")
    options = parser.parse_args()
    listener = listen(options.host, options.port)
    host, port = listener.getsockname()[:2]
    print(f"The console is at http://{host}:{port} (Ctrl-C ends it).", flush=True)
    config = uvicorn.Config(
        f"{__package__}.main:app",
        host=host,
        port=port,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    with suppress(KeyboardInterrupt):  # uvicorn has shut down by then, and raises it again
        uvicorn.Server(config).run(sockets=[listener])


def listen(host: str, port: int) -> socket.socket:
    """Take the port before anything else is started, so that a refusal is the only output."""
    try:
        return socket.create_server((host, port))
    except OSError as error:
        sys.exit(f"Cannot listen on {host}:{port}: {error.strerror}. Choose another --port.")


if __name__ == "__main__":
    main()
