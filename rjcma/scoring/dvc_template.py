"""The template by which `dvc plots` draws the traces: truth and prediction of each target."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from rjcma.scoring.predictions import TRUTH as MARK
from rjcma.scoring.predictions import trace_columns
from rjcma.scoring.style import COLOURS
from rjcma.scoring.style import TRUTH as GREY


def template(targets: Sequence[str]) -> str:
    """The template as JSON (Vega-Lite), for traces that have these targets."""
    columns = trace_columns(targets)
    colours = {"truth": GREY, "prediction": COLOURS["valence"]}
    content: dict[str, Any] = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "data": {"values": "<DVC_METRIC_DATA>"},
        "title": "<DVC_METRIC_TITLE>",
        "transform": [
            {"fold": columns, "as": ["column", "cell"]},
            {"calculate": "datum.cell === '' ? null : toNumber(datum.cell)", "as": "value"},
            {"calculate": "toNumber(datum.time)", "as": "seconds"},
            {"calculate": f"replace(datum.column, /{MARK}$/, '')", "as": "target"},
            {
                "calculate": "datum.column === datum.target ? 'prediction' : 'truth'",
                "as": "series",
            },
        ],
        "mark": {"type": "line", "tooltip": True},
        "width": 640,
        "height": 120,
        "encoding": {
            "row": {"field": "target", "type": "nominal", "title": None, "sort": list(targets)},
            "x": {"field": "seconds", "type": "quantitative"},
            "y": {
                "field": "value",
                "type": "quantitative",
                "title": None,
                "scale": {"domain": [-1, 1]},
            },
            "color": {
                "field": "series",
                "type": "nominal",
                "title": None,
                "scale": {"domain": list(colours), "range": list(colours.values())},
            },
            "strokeDash": {"field": "rev", "type": "nominal"},
        },
    }
    return json.dumps(content, indent=1) + "\n"
