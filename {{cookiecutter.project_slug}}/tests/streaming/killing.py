"""What a bad network does to clients: each fault of a table, at places by chance."""

import json
import math
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from loadtest.proxy import Toxics, proxy_in_thread
from tests.streaming.hop import busy_hop
from tests.streaming.nginx import nginx

IN_HEADERS = range(1, 150)
IN_BODY = range(800, 20_000)
HTTP_1_0 = "HTTP/1.0, buffering off"
PATIENT: dict[str, float] = {"attempts": 8}


class Fault(NamedTuple):
    """`is_survived`: a client that goes on, or begins again, comes to the end."""

    toxics: Toxics
    limits: dict[str, float] = PATIENT
    is_survived: bool = True
    is_behind_nginx: bool = False


FAULTS = {
    "reset in headers": Fault(Toxics(cut_after=IN_HEADERS, cuts=2)),
    "end in headers": Fault(Toxics(cut_after=IN_HEADERS, cut_with="end", cuts=2)),
    "reset in body": Fault(Toxics(cut_after=IN_BODY, cuts=2)),
    "end in body": Fault(Toxics(cut_after=IN_BODY, cut_with="end", cuts=2)),
    "silence": Fault(
        Toxics(cut_after=IN_BODY, cut_with="silence", cuts=1), PATIENT | {"stall_seconds": 2}
    ),
    "slow and split": Fault(Toxics(latency=0.02, jitter=0.02, bandwidth=1e6, split=500)),
    "more than the attempts": Fault(
        Toxics(cut_after=IN_BODY, cut_with="end", cuts=2), {"attempts": 2}, is_survived=False
    ),
    "always": Fault(Toxics(cut_after=IN_HEADERS), {"attempts": 2}, is_survived=False),
    # Here a body that breaks off ends as if it were whole.
    "end behind HTTP/1.0": Fault(
        Toxics(cut_after=IN_BODY, cut_with="end", cuts=2), is_behind_nginx=True
    ),
}


class Killed(NamedTuple):
    """How a client has ended that ran in a folder of its own."""

    fault: str
    cuts: int
    result: subprocess.CompletedProcess[str]
    folder: Path


@pytest.fixture
def kill(service: str, require: Any, run_client: Any, tmp_path: Path) -> Callable[..., None]:
    """Run a client through each fault: what it gives must be the truth, or it must fail.

    `kill(truth, given, client, *arguments)` makes a URL of an argument that is a path. `given` is
    what a client has given, by how it ended and its folder: `None` for nothing.
    """

    def run_through(fault: str, command: tuple[str, ...]) -> Killed:
        toxics, limits, _, is_behind_nginx = FAULTS[fault]
        folder = tmp_path / fault.replace("/", " ")
        folder.mkdir()
        with ExitStack() as running:
            hop = running.enter_context(proxy_in_thread(service, toxics))
            url = hop.url
            if is_behind_nginx:
                served = tmp_path / "nginx"
                served.mkdir()
                url = running.enter_context(nginx(require("nginx"), url, served))[HTTP_1_0]
            whole = [url + part if part.startswith("/") else part for part in command]
            result = run_client(*whole, limits=limits, cwd=folder)
            return Killed(fault, hop.cuts, result, folder)

    def check(truth: Any, given: Callable[[Killed], Any], *command: str) -> None:
        with ThreadPoolExecutor(len(FAULTS)) as threads:
            runs = threads.map(run_through, FAULTS, [command] * len(FAULTS))
            for killed in list(runs):
                context = (killed.fault, killed.result.stderr)
                assert killed.cuts or FAULTS[killed.fault].toxics.cut_after == math.inf, context
                is_whole = killed.result.returncode == 0
                assert is_whole or not FAULTS[killed.fault].is_survived, context
                found = given(killed)
                assert found == truth if is_whole else found is None, context

    return check


@pytest.fixture
def put_off(service: str, run_client: Any, tmp_path: Path) -> Callable[..., None]:
    """Run clients where the first answers are refusals for a second: they wait so long."""

    def run_one(command: tuple[str, ...]) -> None:
        folder = tmp_path / command[0].partition("/")[0]
        folder.mkdir()
        with busy_hop(service, [503, 429]) as (url, times):
            whole = [url + part if part.startswith("/") else part for part in command]
            result = run_client(*whole, cwd=folder)
        assert result.returncode == 0, result.stderr
        first, second, third, *_ = times
        assert second - first > 1
        assert third - second > 1

    def run_all(*commands: tuple[str, ...]) -> None:
        with ThreadPoolExecutor(len(commands)) as threads:
            list(threads.map(run_one, commands))

    return run_all


@pytest.fixture
def kill_in_browser(service: str, in_browser: Any) -> Callable[[str, str], Iterator[Any]]:
    """Run a script on a JavaScript client in a page, through each fault that is survived.

    The page itself is whole: what comes behind it is not.
    """

    def run_all(client: str, script: str) -> Iterator[Any]:
        for name, fault in FAULTS.items():
            if fault.is_survived and not fault.is_behind_nginx:
                with proxy_in_thread(service) as hop:
                    break_it = partial(setattr, hop, "down", fault.toxics)
                    limits = f"const limits = {json.dumps({'stallSeconds': 5, 'attempts': 8})};"
                    found = in_browser(client, limits + script, hop.url, break_it)
                assert hop.cuts or fault.toxics.cut_after == math.inf, name
                yield found

    return run_all
