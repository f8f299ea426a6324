"""A film of a drawn person with tones for words, and runs with random networks that predict it.

The tones are words of `mini_vosk`, the BERT is that of `text_models`, faces are found by Haar.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import mini_vosk
import numpy as np
import text_models
import torch
from clips import clip
from drawn_people import drawn
from speech_sounds import RATE, Burst, sound_of

from rjcma import store
from rjcma.encoders.settings import Encoders
from rjcma.fusion.settings import RJCMASettings, Widths
from rjcma.jobs.digests import digest_folder
from rjcma.training import engines, network, saved
from rjcma.training.clip_data import open_all
from rjcma.training.sections import Settings
from rjcma.training.settings import Training
from rjcma.training.windows import Windows

FPS = 10
SECONDS = 3.0
BURSTS = [Burst(0.4, 0.9, 300), Burst(1.5, 2.1, 3000)]
"""The words `low` and `high`."""
RANGES = {"valence": (-1.0, 1.0), "engagement": (0.0, 100.0)}
FOLDS = (0, 1)
BERT_WIDTH = 28


def film(
    path: Path, frames: int = round(SECONDS * FPS), *, faces: bool = True, sound: bool = True
) -> Path:
    """Write a film of a person who moves to the right; or of an empty room."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=FPS)
        video.width, video.height, video.pix_fmt = 480, 270, "yuv420p"
        video.bit_rate = 2_000_000
        audio = container.add_stream("pcm_s16le", rate=RATE, layout="mono") if sound else None
        for k in range(frames):
            people = [(180 + 3 * k, 130)] if faces else []
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(drawn(*people)), format="rgb24")
            frame.pts, frame.time_base = k, Fraction(1, FPS)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if audio is not None:
            samples = sound_of(BURSTS, frames / FPS).reshape(1, -1)
            heard = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
            heard.sample_rate, heard.pts, heard.time_base = RATE, 0, Fraction(1, RATE)
            container.mux(audio.encode(heard))
            container.mux(audio.encode(None))
    return path


class World:
    """The models and the runs, in a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.vosk = mini_vosk.build(root / "vosk")
        self.bert = text_models.bert(root / "bert")
        self.runs = [self.run(target, fold) for target in RANGES for fold in FOLDS]

    def sections(self) -> dict[str, Any]:
        """The sections of params by which the runs' features would be made."""
        encoder = {"mode": "finetune", "kind": "compact", "weights": "none"}
        return {
            "faces": {"size": 48, "detector": {"engine": "haar", "pixels": 320}},
            "speech": {"engine": "vosk", "model": str(self.vosk)},
            "punctuation": {"engine": "pauses"},
            "text": {"model": str(self.bert), "batch": 8, "window": 64},
            "encoders": {"visual": encoder, "audio": encoder},
        }

    def models(self) -> dict[str, str]:
        return {"speech.model": digest_folder(self.vosk), "text.model": digest_folder(self.bert)}

    def run(self, target: str, fold: int, name: str = "") -> Path:
        """The folder of a run with random weights, which says by what its features were made."""
        folder = self.root / "runs" / (name or f"{target}-{fold}")
        folder.mkdir(parents=True)
        settings = self.settings()
        torch.manual_seed(10 * list(RANGES).index(target) + fold)
        built = network.fresh(self._opened(settings), settings)
        metadata = {"target": target, "fold": fold, "params": settings.keyed()}
        metadata |= {"looks": looks} if (looks := network.looks_of(built)) else {}
        saved.write(folder / saved.WEIGHTS, built, {**metadata, "features": {}, "labels": ""})
        card = {"target": target, "fold": fold, "train": [], "validation": [], "best_epoch": 1}
        (folder / "run.json").write_text(json.dumps(card))
        (folder / "history.csv").write_text("epoch,loss,ccc,learning_rate\n1,1,0.1,1e-5\n")
        said = self.root / "engines.json"
        said.write_text(json.dumps({"params": self.sections(), "models": self.models()}))
        engines.write(folder / engines.ENGINES, said, RANGES, target)
        return folder

    def settings(self) -> Settings:
        encoder = {"kind": "compact", "mode": "finetune"}
        return Settings(
            folds=2,
            recursions=2,
            encoders=Encoders(visual=encoder, audio=encoder),
            windows=Windows(frames=11, stride=7),
            fusion=RJCMASettings(kind="rjcma", widths=Widths(visual=7, audio=3, text=5), hidden=11),
            training=Training(batch=3, threads=1),
        )

    def _opened(self, settings: Settings) -> Sequence[Any]:
        """A clip of the right shapes, of which the text's moments are taken."""
        generator, folder = np.random.default_rng(1), self.root / "shapes"
        faces = generator.integers(0, 255, (9, 48, 48, 3), dtype=np.uint8)
        sound = generator.normal(size=(9 * 3 + 96, 64)).astype(np.float32)
        words = generator.normal(size=(9, BERT_WIDTH)).astype(np.float32)
        for modality, rows, index in (
            ("visual", faces, np.arange(9)),
            ("audio", sound, np.arange(9) * 3),
            ("text", words, np.arange(9)),
        ):
            (folder / modality).mkdir(parents=True, exist_ok=True)
            store.write(folder / modality / "shape.h5", rows, index)
        folders = {m: folder / m for m in settings.modalities}
        return open_all(
            [clip("shape", 9)], folders, network.input_shapes(settings), None, "valence"
        )
