"""The networks between a service and users who are far away: `NETWORK=mobile`.

Everywhere a proxy has latency, jitter and bandwidth. Where root and network namespaces are, its
users reach it over a router of the kernel's, which loses packets and has a line that all share.
"""

import asyncio
import contextlib
import ctypes
import json
import os
import shlex
import socket
import sys
from argparse import ArgumentParser
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from math import inf
from string import Template
from subprocess import PIPE, CalledProcessError, Popen, check_output
from typing import NamedTuple

from loadtest.proxy import ANY_PORT, BACKLOG, Toxics, http_url, proxy

MBIT = 1_000_000 / 8
CLONE_NEWNET = 0x40000000


class Profile(NamedTuple):
    """Seconds, bytes per second, and the share of packets that are lost.

    `down` and `up` are what each connection has, `line` what all of them share.
    """

    round_trip: float
    jitter: float
    down: float
    up: float
    loss: float = 0
    line: float = inf


PROFILES = {
    "office": Profile(0.02, 0.002, 100 * MBIT, 100 * MBIT, line=20 * MBIT),
    "mobile": Profile(0.06, 0.02, 12 * MBIT, 3 * MBIT),
    "3g": Profile(0.3, 0.05, 1.6 * MBIT, 0.75 * MBIT),
    "transatlantic": Profile(0.09, 0.002, 100 * MBIT, 100 * MBIT),
    "transpacific": Profile(0.18, 0.005, 50 * MBIT, 50 * MBIT),
    "lossy": Profile(0.04, 0.01, 20 * MBIT, 5 * MBIT, loss=0.02),
}
NETWORKS = tuple(PROFILES)

# One packet a segment, so that a loss is one of 1,500 bytes and not of 64 KiB.
ROUTER = """
ip link add users gso_max_segs 1 type veth peer name $device netns $pid
ip address add $net.2/30 dev users
ip link set users up
nsenter --net=$here ip address add $net.1/30 dev $device
nsenter --net=$here ip link set $device up gso_max_segs 1
nsenter --net=$here ip route add $net.4/30 via $net.2
sysctl --write net.ipv4.ip_forward=1
nft add table ip router
nft add chain ip router forward '{ type filter hook forward priority 0; }'
nft add rule ip router forward numgen random mod 10000 '<' $lost drop
"""
FAR = """
ip link add service gso_max_segs 1 type veth peer name service netns $router
ip address add $net.6/30 dev service
ip link set service up
nsenter --net=$router ip address add $net.5/30 dev service
nsenter --net=$router ip link set service up gso_max_segs 1
ip route add default via $net.5
"""
LATENCY = """
nsenter --net=$router tc qdisc add dev users root handle 1: netem delay ${latency}us limit 100000
nsenter --net=$router tc qdisc add dev service root handle 1: netem delay ${latency}us limit 100000
"""
LINE = """
nsenter --net=$router tc qdisc add dev users $place tbf rate ${line}bit burst 256kb latency 200ms
nsenter --net=$router tc qdisc add dev service $place tbf rate ${line}bit burst 256kb latency 200ms
"""


class Network(NamedTuple):
    """The base URL of a service over a network, and what that network is made of."""

    url: str
    how: str


@contextlib.contextmanager
def open_network(name: str, url: str) -> Generator[Network]:
    """Put one of `PROFILES` before a service, in a process of its own.

    Raises `ValueError` for another name, and for a URL that is not `http://`.
    """
    if name not in PROFILES:
        raise ValueError(f"NETWORK={name} is none of {', '.join(PROFILES)}")
    command = [sys.executable, "-m", "loadtest.network", name, http_url(url)]
    with Popen(command, stdin=PIPE, stdout=PIPE) as program:  # noqa: S603
        assert program.stdout is not None  # noqa: S101
        yield Network(**json.loads(program.stdout.readline()))
        program.terminate()


def run(commands: str, values: dict[str, object]) -> None:
    for command in Template(commands).substitute(values).strip().splitlines():
        check_output(shlex.split(command), stderr=PIPE)  # noqa: S603


def leave_network() -> int:
    """Put this thread into a new network, and return a file that keeps it."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "unshare(CLONE_NEWNET)")
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY)


def open_router(profile: Profile) -> tuple[socket.socket, bool]:
    """Return a listener behind a router, and whether the router has the latency too.

    The thread is in another network from then on. All of it goes with the process.
    """
    pid = os.getpid()
    values: dict[str, object] = {
        "pid": pid,
        "here": f"/proc/{pid}/ns/net",
        "device": f"load{pid}",
        "net": f"198.19.{pid % 256}",  # of RFC 2544, for benchmarks
        "lost": round(profile.loss * 10_000),
        "line": round(min(profile.line, 10_000 * MBIT) * 8),
        "latency": round(profile.round_trip / 2 * 1_000_000),
        "router": f"/proc/{pid}/fd/{leave_network()}",
        "place": "parent 1:1",
    }
    run(ROUTER, values)
    leave_network()
    run(FAR, values)
    has_latency = True
    try:
        run(LATENCY, values)
    except CalledProcessError:
        has_latency, values["place"] = False, "root"
    run(LINE, values)
    return socket.create_server((f"{values['net']}.6", 0), backlog=BACKLOG), has_latency


def describe(profile: Profile, *, has_router: bool, has_latency: bool) -> str:
    """What a network is made of, for people, and what it lacks."""
    means = ["router (veth, tbf, nftables)"] * has_router + ["netem"] * has_latency + ["proxy"]
    line = f"{profile.line / MBIT:g} Mbit/s for all together" if profile.line < inf else ""
    lost = f"{profile.loss:.0%} of packets lost" if profile.loss else ""
    by_router = " and ".join(filter(None, [line, lost]))
    said = (
        f"{' + '.join(means)}: round trip {profile.round_trip * 1000:g} ± "
        f"{profile.jitter * 1000:g} ms, {profile.down / MBIT:g} Mbit/s down and "
        f"{profile.up / MBIT:g} up for each connection"
    )
    if by_router and not has_router:
        return f"{said}, but not {by_router}: that needs root, ip, tc, nft and nsenter"
    return f"{said}, {by_router}".removesuffix(", ")


async def serve(name: str, url: str) -> None:
    """Be the network until standard input ends or says something."""
    profile, has_router, has_latency = PROFILES[name], True, False
    try:
        with ThreadPoolExecutor(1) as elsewhere:
            listener, has_latency = elsewhere.submit(open_router, profile).result()
    except (OSError, AttributeError, CalledProcessError):
        listener, has_router = socket.create_server(ANY_PORT, backlog=BACKLOG), False
    latency = 0 if has_latency else profile.round_trip / 2
    down = Toxics(latency, profile.jitter / 2, profile.down)
    async with proxy(url, down, replace(down, bandwidth=profile.up), listener) as hop:
        how = describe(profile, has_router=has_router, has_latency=has_latency)
        print(json.dumps({"url": hop.url, "how": how}), flush=True)
        over = asyncio.Event()
        with contextlib.suppress(PermissionError):  # /dev/null has no end to wait for
            asyncio.get_running_loop().add_reader(sys.stdin, over.set)
        await over.wait()


if __name__ == "__main__":
    parser = ArgumentParser(prog="python -m loadtest.network", description=serve.__doc__)
    parser.add_argument("name", choices=PROFILES)
    parser.add_argument("url", type=http_url, help="of a service, such as http://127.0.0.1:8000")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(**vars(parser.parse_args())))
