"""``make dashboard``: draws the dashboard that ``template.yaml`` defines, with made-up data, for the docs."""

import hashlib
import json
import re
import sys
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
import numpy as np

from local.template import read

mpl.use("agg")

from matplotlib import pyplot as plt

PICTURE: Final = Path(__file__).parents[1] / "docs" / "images" / "dashboard.png"
HOURS: Final = 24
SAMPLE_SECONDS: Final = 300
POINTS: Final = 3600 // SAMPLE_SECONDS * HOURS
COLUMNS: Final = 24  # of CloudWatch's grid

# Made-up days: what a metric is at its daily peak, and how often it is anything at all.
_PEAKS: Final[Mapping[str, tuple[float, float]]] = {
    "Liked": (3.5, 0.9),
    "AlreadyLiked": (1, 0.4),
    "Rejected": (1, 0.08),
    "Limited": (3, 0.3),
    "Blocked": (1, 0.02),
    "Unavailable": (1, 0.1),
    "WebhookAccepted": (8, 0.8),
    "WebhookRefused": (2, 0.1),
    "ApproximateAgeOfOldestMessage": (5 * 3600, 1),
    "ApproximateNumberOfMessagesVisible": (40, 1),
    "ApproximateNumberOfMessagesNotVisible": (10, 1),
}


def body(template: Mapping[str, Any]) -> dict[str, Any]:
    """Return the dashboard's definition, parameters at their defaults."""
    text = template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"][0]
    defaults = {name: parameter.get("Default") for name, parameter in template["Parameters"].items()}
    names = {"AWS::StackName": "tweet-likes", "AWS::Region": "us-east-1"} | defaults
    result: dict[str, Any] = json.loads(
        re.sub(r"\$\{([\w:.]+)\}", lambda match: str(names.get(match[1], match[1])), text)
    )
    return result


def digest(dashboard: Mapping[str, Any]) -> str:
    """Return what tells one definition from another."""
    return hashlib.sha256(json.dumps(dashboard).encode()).hexdigest()


def draw(dashboard: Mapping[str, Any], picture: Path) -> None:
    """Draw all widgets where the definition puts them, and write into the picture which definition that was."""
    rows = max(widget["y"] + widget["height"] for widget in dashboard["widgets"])
    figure = plt.figure(figsize=(16, rows * 0.6))
    for widget in dashboard["widgets"]:
        left, width = widget["x"] / COLUMNS, widget["width"] / COLUMNS
        bottom, height = 1 - (widget["y"] + widget["height"]) / rows, widget["height"] / rows
        axes = figure.add_axes((left + 0.025, bottom + 0.03, width - 0.035, max(height - 0.075, 0.02)))
        properties = widget["properties"]
        if widget["type"] == "text":
            axes.axis("off")
            axes.text(0, 0.5, properties["markdown"].replace("**", ""), va="center")
        else:
            _draw_metrics(axes, properties)
    figure.savefig(picture, dpi=80, metadata={"Source": digest(dashboard)})
    plt.close(figure)


def _draw_metrics(axes: Any, properties: Mapping[str, Any]) -> None:
    axes.set_title(properties["title"], loc="left", fontsize=10)
    lines = _lines(properties)
    if properties["view"] == "singleValue":
        axes.axis("off")
        for label, values, _ in lines:
            axes.text(0.5, 0.5, f"{values.sum():.2f} {label}", ha="center", va="center", fontsize=26)
        return
    hours = np.linspace(0, HOURS, POINTS)
    if properties.get("stacked"):
        labels, values, colors = zip(*lines, strict=True)
        axes.stackplot(hours, values, labels=labels, colors=colors)
    else:
        for label, values, color in lines:
            axes.plot(hours, values, label=label, color=color, linewidth=1)
    for line in properties.get("annotations", {}).get("horizontal", []):
        axes.axhline(line["value"], color="grey", linestyle="--", linewidth=1, label=line["label"])
    axes.legend(fontsize=7, loc="upper left", ncols=3)
    axes.tick_params(labelsize=7)


def _lines(properties: Mapping[str, Any]) -> list[tuple[str, Any, str | None]]:
    """Return what a widget shows: label, values, colour; expressions are worked out."""
    named: dict[str, Any] = {}
    shown: list[tuple[str, Any, str | None]] = []
    for metric in sorted(properties["metrics"], key=lambda parts: "expression" in parts[-1]):
        options = metric[-1]
        if "expression" in options:
            formula = re.sub(r"FILL\((\w+), 0\)", r"\1", options["expression"])
            values = eval(formula, {"__builtins__": {}}, named)  # noqa: S307 - arithmetic of our own template
        else:
            values = _sample(metric[1], json.dumps(metric[:-1]) + options.get("stat", ""))
            if properties.get("stat") == "Sum" and properties["view"] == "timeSeries":
                samples = options.get("period", properties["period"]) // SAMPLE_SECONDS
                values = values.reshape(-1, samples).sum(axis=1).repeat(samples)
        if "id" in options:
            named[options["id"]] = values
        if options.get("visible", True):
            shown.append((options["label"], values, options.get("color")))
    return shown


def _sample(metric: str, seed: str) -> Any:
    dice = np.random.default_rng(zlib.crc32(seed.encode()))
    if metric == "UpstreamLatency":
        return (700 if seed.endswith("p99") else 280) * dice.uniform(0.85, 1.15, POINTS)
    if "RejectedQueue" in seed:
        return np.repeat([0, 1, 2, 0], POINTS // 4)
    peak, share = _PEAKS.get(metric, (1, 0.005))
    day = np.clip(np.sin(np.linspace(-1.2, 4.6, POINTS)), 0.05, 1)
    values = peak * day * dice.uniform(0.6, 1.1, POINTS)
    return values if share == 1 else np.round(values * (dice.random(POINTS) < share) + 0.3 * (peak > 1))


if __name__ == "__main__":
    draw(body(read()), Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURE)
