"""The ratios as a picture: a bar for each median, its range, and a mark for each target."""

from pathlib import Path
from statistics import median

from matplotlib import rc_context
from matplotlib.figure import Figure

from .comparison import Ratio, Results
from .report import times

MET, MISSED, NO_TARGET = "#2a78b5", "#c8553d", "#8a96a3"
INCHES_PER_BAR = 0.42


def draw_picture(results: list[Results], picture: Path) -> None:
    bars = [
        (ratio, result.ratios(ratio))
        for result in results
        for ratio in result.group.ratios
        if result.ratios(ratio)
    ]
    if not bars:
        picture.unlink(missing_ok=True)
        return
    figure = Figure(figsize=(10, 1 + INCHES_PER_BAR * len(bars)), layout="constrained")
    axes = figure.subplots()
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda number, _: f"{number:g}×")
    axes.axvline(1, color="#444444", linewidth=0.8)
    for position, (ratio, values) in enumerate(bars):
        middle = median(values)
        reach = [[middle - min(values)], [max(values) - middle]]
        axes.barh(position, middle - 1, left=1, xerr=reach, color=color(ratio, middle), height=0.6)
        if ratio.at_least is not None:
            axes.plot([ratio.at_least] * 2, [position - 0.4, position + 0.4], color="black")
        axes.annotate(
            times(middle),
            (max(*values, 1), position),
            (6, 0),
            textcoords="offset points",
            va="center",
        )
    names = [f"{r.peer} ÷ {r.baseline}\n{r.metric.title}" for r, _ in bars]
    axes.set_yticks(range(len(bars)), names, fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel("times better in the same round (black marks: targets)")
    axes.spines[["top", "right"]].set_visible(False)
    # Text stays text, and one run's picture differs from another's in its numbers alone.
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "benchmarks"}):
        figure.savefig(picture, metadata={"Date": None})


def color(ratio: Ratio, middle: float) -> str:
    if ratio.at_least is None:
        return NO_TARGET
    return MET if middle >= ratio.at_least else MISSED
