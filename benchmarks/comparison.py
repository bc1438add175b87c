"""What is compared: peers, what is measured of each of them, and what is asked of the service."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Metric:
    """A number that is measured; `title` has its unit."""

    title: str
    digits: int = 0
    less_is_better: bool = False


Sample = Mapping[Metric, float]


@dataclass(frozen=True)
class Peer:
    """One side of a comparison; `measure` starts it, measures once and stops it.

    `measure` raises `Unavailable` or `Failed`.
    """

    name: str
    measure: Callable[[], Sample]


@dataclass(frozen=True)
class Ratio:
    """How many times better `peer` is than `baseline`, and what is asked of that number."""

    metric: Metric
    peer: str
    baseline: str
    at_least: float | None = None


@dataclass(frozen=True)
class Limit:
    """What a measured number of the service may be at most."""

    metric: Metric
    peer: str
    at_most: float


@dataclass(frozen=True)
class Group:
    title: str
    data: str
    metrics: tuple[Metric, ...]
    peers: tuple[Peer, ...]
    ratios: tuple[Ratio, ...] = ()
    limits: tuple[Limit, ...] = ()


class Unavailable(Exception):
    """A program that a peer needs is not on this machine; the message names it."""


class Failed(Exception):
    """A peer did not do what is measured; the message says what happened."""


@dataclass
class Results:
    """The samples of a group by peer and round, and why peers are missing."""

    group: Group
    samples: dict[str, dict[int, Sample]] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    def values(self, peer: str, metric: Metric) -> list[float]:
        samples = self.samples.get(peer, {}).values()
        return [sample[metric] for sample in samples if metric in sample]

    def ratios(self, ratio: Ratio) -> list[float]:
        """One number for each round in which both sides were measured; greater is better.

        A cost too small for its clock is 0, and says nothing.
        """
        ours, theirs = self.samples.get(ratio.peer, {}), self.samples.get(ratio.baseline, {})
        pairs = [
            (ours[number][ratio.metric], theirs[number][ratio.metric])
            for number in sorted(ours.keys() & theirs.keys())
            if ours[number][ratio.metric] > 0 and theirs[number][ratio.metric] > 0
        ]
        if ratio.metric.less_is_better:
            return [baseline / peer for peer, baseline in pairs]
        return [peer / baseline for peer, baseline in pairs]


def run(group: Group, rounds: int, say: Callable[[str], None]) -> Results:
    """Measure the peers in turn, round after round, so that noise hits all of them alike.

    A peer that cannot be measured is left out of the rounds that follow.
    """
    results = Results(group)
    for number in range(1, rounds + 1):
        for peer in group.peers:
            if peer.name in results.skipped or peer.name in results.failed:
                continue
            try:
                sample = peer.measure()
            except Unavailable as missing:
                results.skipped[peer.name] = str(missing)
                say(f"skipped  {peer.name}: {missing}")
            except Failed as failure:
                results.failed[peer.name] = str(failure)
                say(f"FAILED  {peer.name}: {failure}")
            else:
                results.samples.setdefault(peer.name, {})[number] = sample
                say(f"{number}/{rounds}  {peer.name}: {describe(sample)}")
    return results


def describe(sample: Sample) -> str:
    return " · ".join(
        f"{metric.title} {value:,.{metric.digits}f}" for metric, value in sample.items()
    )
