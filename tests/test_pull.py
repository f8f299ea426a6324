"""What a colleague pulls who trains: what training reads, and no more."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from ruamel.yaml import YAML

from rjcma import pull

ROOT = Path(__file__).parents[1]
READ = {"data/audio", "data/features/logmel", "data/features/faces"}
"""Inputs of encoders."""

STAGES = {
    "index": ((), ("data/clips.jsonl", "data/labels")),
    "extract_audio": (("data/clips.jsonl",), ("data/audio",)),
    "faces": (("data/clips.jsonl",), ("data/features/faces",)),
    "logmel": (("data/audio",), ("data/features/logmel",)),
    "encode@visual": (("data/features/faces",), ("data/features/visual",)),
    "encode@audio": (("data/features/logmel", "data/audio"), ("data/features/audio",)),
    "train@valence-0": (("data/features/visual", "data/features/audio"), ("data/runs/valence-0",)),
}


def stage(deps, outs):
    deps, outs = ([SimpleNamespace(def_path=path) for path in paths] for paths in (deps, outs))
    return SimpleNamespace(deps=deps, outs=outs)


COMPACT = {"kind": "compact", "mode": "finetune"}
SPEECH = {"kind": "transformers", "weights": "models/wavlm"}


@pytest.mark.parametrize(
    ("audio", "inputs"),
    [
        (COMPACT, {"data/features/faces", "data/features/logmel"}),
        ({**SPEECH, "mode": "finetune"}, {"data/features/faces", "data/audio"}),
        ({**SPEECH, "mode": "precompute"}, {"data/features/faces"}),
    ],
    ids=["log-mel is encoded", "sound is encoded", "vectors are read"],
)
def test_training_pulls_what_the_encoders_that_it_trains_read(audio, inputs, tmp_path, monkeypatch):
    yaml = YAML()
    params = yaml.load((ROOT / "params.yaml").read_text())
    params["encoders"] = {"visual": COMPACT, "audio": audio}
    monkeypatch.chdir(tmp_path)
    yaml.dump(params, Path("params.yaml"))
    found = pull.targets("training", {name: stage(*both) for name, both in STAGES.items()})
    assert set(found) & READ == inputs
    assert {"data/clips.jsonl", "data/labels", "data/features/audio"} <= set(found)
