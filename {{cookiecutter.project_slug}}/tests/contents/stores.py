"""Real servers that have files: SeaweedFS with its S3 API, and nginx."""

import json
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import httpx2
import obstore
from obstore.store import S3Store

from tests.streaming.fixtures import START_SECONDS, STOP_SECONDS, free_port
from tests.streaming.nginx import MAIN

WEED = Path(sys.executable).with_name("weed")
KEY, SECRET = "key", "secret"
IDENTITY = {
    "name": "tests",
    "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
    "actions": ["Admin", "Read", "Write", "List"],
}
NGINX = (
    MAIN
    + """    default_type application/octet-stream;
    server {
        listen 127.0.0.1:PORT;
        SITE
    }
}
"""
)


class Store:
    """A server that can be killed and started again, with what it has."""

    def __init__(self, command: list[str], url: str, log: Path) -> None:
        self.url = url
        self._command = command
        self._log = log.open("ab")
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=self._log, stderr=self._log)
        try:
            self._wait()
        except BaseException:
            self.close()
            raise

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not answers(self.url):
            assert time.monotonic() < deadline, self._log.name
            assert self._process.poll() is None, self._log.name
            time.sleep(0.05)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(STOP_SECONDS)

    def close(self) -> None:
        self.kill()
        self._log.close()


def make_bucket(store: Store) -> S3Store:
    bucket = open_bucket(store)
    # `CreateBucket` is a PUT of the bucket itself.
    url = obstore.sign(bucket, "PUT", "", timedelta(seconds=60))
    httpx2.put(url).raise_for_status()
    return bucket


def open_bucket(store: Store) -> S3Store:
    options = {"endpoint": store.url, "region": "us-east-1"}
    keys = {"access_key_id": KEY, "secret_access_key": SECRET}
    return S3Store("bucket", client_options={"allow_http": True}, **options, **keys)


def credentials(store: Store) -> dict[str, str]:
    """As whoever opens `s3://bucket` finds them in the environment."""
    return {
        "AWS_ENDPOINT": store.url,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
    }


def answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=5):  # noqa: S310
            return True
    except HTTPError as error:
        return error.code < 500
    except OSError:
        return False


@contextmanager
def seaweed(folder: Path) -> Generator[Store]:
    config = folder / "s3.json"
    config.write_text(json.dumps({"identities": [IDENTITY]}), encoding="utf-8")
    ports = {
        f"-{part}.port{kind}": str(free_port())
        for part in ("s3", "master", "volume", "filer")
        for kind in ("", ".grpc")
    }
    options = {"-dir": str(folder), "-s3.config": str(config), "-master.volumeSizeLimitMB": "64"}
    # Two more services of its own have fixed ports, on which two of these servers would meet.
    options |= {"-s3.port.iceberg": "0", "-s3.port.lance": "0"}
    options |= {"-ip": "127.0.0.1", "-ip.bind": "127.0.0.1", "-volume.max": "10"}
    command = [str(WEED), "server", "-s3", *(f"{k}={v}" for k, v in (options | ports).items())]
    store = Store(command, f"http://127.0.0.1:{ports['-s3.port']}", folder / "log")
    try:
        yield store
    finally:
        store.close()


@contextmanager
def nginx_with(program: str, folder: Path, site: str) -> Generator[Store]:
    """Run nginx with the directives of one site; one worker, so that a kill ends its answers."""
    port = str(free_port())
    config = NGINX.replace("PORT", port).replace("SITE", site)
    (folder / "nginx.conf").write_text(config, encoding="utf-8")
    command = [program, "-p", str(folder), "-e", "stderr", "-c", "nginx.conf"]
    store = Store(
        [*command, "-g", "master_process off;"], f"http://127.0.0.1:{port}", folder / "log"
    )
    try:
        yield store
    finally:
        store.close()
