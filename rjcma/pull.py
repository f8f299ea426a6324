"""What to pull of what a team shares, for each kind of colleague.

`dvc pull` brings everything, or the outputs that it is given. Which ones a colleague needs follows
from dvc.yaml and the params: training reads the features; it reads faces, and log-mel windows or
the sound, only if it trains their encoders, and never the words or the transcripts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from rjcma.training.sections import Settings

Kind = Literal["training", "report", "features"]
"""For whom: who trains, who reads the report, who extends the corpus."""

PARAMS = Path("params.yaml")

Stages = Mapping[str, Any]
"""DVC's stages, by name."""


def targets(kind: Kind, stages: Stages) -> list[str]:
    """The outputs to pull, sorted. Raises `Problem` if params.yaml cannot be used."""
    choose: Mapping[Kind, Callable[[Stages], set[str]]] = {
        "training": _training,
        "report": _report,
        "features": _features,
    }
    return sorted(choose[kind](stages))


def _training(stages: Stages) -> set[str]:
    """The index, what stage `train` reads, and what the files that it reads refer to.

    Those are log-mel windows, or the sound if the encoder that is trained reads it.
    """
    voice = Settings.read(PARAMS).trained_encoders().get("audio")
    other = "logmel" if voice is not None and voice.reads == "whole" else "extract_audio"
    trained = [f"encode@{modality}" for modality in Settings.read(PARAMS).trained_encoders()]
    reading = [stage for name, stage in stages.items() if _base(name) == "train" or name in trained]
    read = {dep.def_path for stage in reading for dep in stage.deps}
    made = set().union(*map(_outs, stages.values())) - _outs(stages[other])
    return _outs(stages["index"]) | (read & made)


def _report(stages: Stages) -> set[str]:
    """What stage `score` writes."""
    return _outs(stages["score"])


def _features(stages: Stages) -> set[str]:
    """What all stages before `train` write, but no corpus that is made."""
    others = {"sample", "train", "attend", "score", "ablate"}
    return set().union(*(_outs(s) for name, s in stages.items() if _base(name) not in others))


def _outs(stage: Any) -> set[str]:
    return {out.def_path for out in stage.outs}


def _base(name: str) -> str:
    return name.partition("@")[0]
