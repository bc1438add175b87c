"""`make tune`: which chunk size and which level of compression suit which network."""

from argparse import ArgumentParser
from contextlib import nullcontext
from itertools import product, starmap
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

import httpx2

from loadtest.network import NETWORKS, Network, open_network
from loadtest.programs import exit_on_signals
from loadtest.report import BOTTOM, LEFT, RIGHT, TOP, Axis, quantity, write_page
from loadtest.service import PACKAGE, start_service

PAGE = Path("loadtest/tune.html")
KIB = 1024
CHUNKS = [size * KIB for size in (1, 4, 16, 64, 256, 1024)]
LEVELS = (0, 1, 3, 9)  # 0: not compressed
TRIES = 5
UNNOTICED_SECONDS = 0.05  # a first record that is later by less is as good


class Setting(NamedTuple):
    chunk: int
    level: int

    def __str__(self) -> str:
        return f"{self.chunk // KIB} KiB, {f'zstd {self.level}' if self.level else 'uncompressed'}"


class Figures(NamedTuple):
    """Seconds until the first record, and bytes of records per second after it."""

    first_record: float
    throughput: float


def read(client: httpx2.Client, setting: Setting, seconds: float) -> Figures:
    headers = {"Accept-Encoding": "zstd" if setting.level else "identity"}
    path = f"/lines/{setting.chunk}/{setting.level}"
    begun, first, size = monotonic(), 0.0, 0
    with client.stream("GET", path, headers=headers) as response:
        for piece in response.iter_bytes():
            now = monotonic()
            if first:
                size += len(piece)
            elif b"\n" in piece:
                first = now
            if first and now > first + seconds:
                break
    return Figures(first - begun, size / (now - first))


def measure(url: str, seconds: float) -> dict[Setting, Figures]:
    """The best of some tries of each setting: what is worse is the machine's other work."""
    settings = list(starmap(Setting, product(CHUNKS, LEVELS)))
    with httpx2.Client(base_url=url, timeout=60) as client:
        rounds = [[read(client, each, seconds) for each in settings] for _ in range(TRIES)]
    by_setting = zip(settings, zip(*rounds, strict=True), strict=True)
    return {
        setting: Figures(
            min(each.first_record for each in tries), max(each.throughput for each in tries)
        )
        for setting, tries in by_setting
    }


def recommend(networks: dict[str, dict[Setting, Figures]]) -> Setting:
    """The setting that is, where it is worst, nearest to the best ones of the same network.

    Among equals it is the one that takes the least work and memory.
    """
    nearest: dict[Setting, float] = {}
    for figures in networks.values():
        soonest = min(each.first_record for each in figures.values()) + UNNOTICED_SECONDS
        most = max(each.throughput for each in figures.values())
        for setting, each in figures.items():
            share = min(soonest / (each.first_record + UNNOTICED_SECONDS), each.throughput / most)
            nearest[setting] = min(share, nearest.get(setting, 1))
    return max(
        nearest, key=lambda setting: (round(nearest[setting], 1), -setting.level, -setting.chunk)
    )


def picture(figures: dict[Setting, Figures]) -> dict[str, Any]:
    x = Axis([each.first_record for each in figures.values()], LEFT, RIGHT, "s")
    y = Axis([each.throughput for each in figures.values()], BOTTOM, TOP, "B/s")
    return {
        "points": {
            setting: (x.at(each.first_record), y.at(each.throughput))
            for setting, each in figures.items()
        },
        "x": [(x.at(tick), quantity(tick, "s")) for tick in x.ticks()],
        "y": [(y.at(tick), quantity(tick, "B/s")) for tick in y.ticks()],
    }


def main() -> None:
    parser = ArgumentParser(prog="python -m loadtest.tune", description=__doc__)
    names = ["direct", *NETWORKS]
    parser.add_argument("--network", nargs="+", choices=names, default=["direct", "mobile", "3g"])
    parser.add_argument("--seconds", type=float, default=0.3, help="of each try (%(default)s)")
    options = parser.parse_args()
    exit_on_signals()
    networks, hows = {}, {}
    with start_service(f"{PACKAGE}.streaming", "loadtest.tunable:app") as service:
        for name in options.network:
            direct = nullcontext(Network(service.url, "no network between"))
            with direct if name == "direct" else open_network(name, service.url) as network:
                print(f"{name}: {network.how}", flush=True)
                networks[name], hows[name] = measure(network.url, options.seconds), network.how
    best = recommend(networks)
    pictures = {name: picture(figures) for name, figures in networks.items()}
    write_page(
        "tune.jinja",
        PAGE,
        networks=networks,
        hows=hows,
        pictures=pictures,
        best=best,
        levels=LEVELS,
    )
    print(f"Recommended: {best}. {PAGE} has the picture.")


if __name__ == "__main__":
    main()
