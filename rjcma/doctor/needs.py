"""What a corpus will need: bytes on disk, by what they hold, and memory, by stage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from rjcma.jobs.workers import DEFAULT
from rjcma.manifest import Clip
from rjcma.speech import transcribe_all
from rjcma.speech.section import WhisperSettings
from rjcma.text import model_needs

WORDS_A_SECOND = 100 / 60
"""Words that are spoken (as in `benchmarks.estimate`)."""
WORD_BYTES = 90
"""Of a word in a JSON file, of words and of transcripts (as in `benchmarks.estimate`)."""
TEXT_WIDTH, LAYERS = 768, 4
"""Numbers in a word's vector, BERT-base's, and the layers that are read if none are named."""
WIDTHS = {"ir_resnet50": 512, "vggish": 128, "compact": 128, "transformers": 1024}
"""Numbers in a frame's vector, by the encoder's kind; at most, for compact ones, and
for models of transformers that are not larger than usual."""
PARAMETERS = {"ir_resnet50": 37_283_520, "vggish": 72_141_184, "transformers": 94_400_000}
"""Weights of the paper's encoders (counted), and of a model of base size (wav2vec 2's)."""
SMALL_RUN = 10_000_000
"""Bytes of a run without those: the fusion, predictions and curves (8 MB on the sample)."""
STEP = 2.4 * 2**30
"""Bytes of memory of a step through the paper's encoders (`benchmarks.finetune_memory`)."""
SMALL_STEP = 600 * 2**20
"""Bytes of memory of a training process without them (555 MiB for two hours, docs/costs.md)."""


class Corpus(NamedTuple):
    """How large a corpus is."""

    clips: int
    frames: int
    """Of all clips."""
    seconds: float
    """Of all videos, also where no clip is: sound and words are theirs."""
    clip_seconds: float
    """Of all clips: two of one video have log-mel rows and word vectors each."""

    @classmethod
    def of(cls, clips: Iterable[Clip]) -> Corpus:
        """The size of the corpus with this manifest."""
        clips = list(clips)
        videos = {clip.video: clip.decoded / clip.fps for clip in clips}
        shown = sum(clip.frames / clip.fps for clip in clips)
        return cls(len(clips), sum(clip.frames for clip in clips), sum(videos.values()), shown)


def disk(corpus: Corpus, sections: Mapping[str, Any]) -> dict[str, float]:
    """Bytes of the files of each kind, once."""
    size, encoders = sections["faces"].size, sections["encoders"]
    words, vectors = (s * WORDS_A_SECOND for s in (corpus.seconds, corpus.clip_seconds))
    needed = {
        "sound": corpus.seconds * 16_000 * 2,
        "faces": corpus.frames * (size * size * 3 + 4),
        "log-mel": corpus.clip_seconds * 100 * 64 * 4 + corpus.frames * 4,
        "words": 2 * words * WORD_BYTES,
        "text": vectors * _text_width(sections["text"]) * 4 + corpus.frames * 4,
    }
    for modality in ("visual", "audio"):
        encoder = getattr(encoders, modality)
        if encoder.mode == "precompute":
            needed[f"vectors ({modality})"] = corpus.frames * WIDTHS[encoder.kind] * 4
    return {**needed, "runs": _runs(sections) * _run_bytes(encoders)}


def memory(sections: Mapping[str, Any]) -> dict[str, float]:
    """Bytes of memory that one worker of each stage needs; of those that need most."""
    punctuation, text, speech = (sections[name] for name in ("punctuation", "text", "speech"))
    needed = {
        "faces": float(DEFAULT.memory),
        "transcribe": _transcribe(speech),
        "train": STEP if _parameters(sections["encoders"]) else SMALL_STEP,
    }
    named = {"punctuate": punctuation, "embed_text": text}
    for stage, section in named.items():
        if section.model:
            key = f"{'punctuation' if stage == 'punctuate' else 'text'}.model"
            needed[stage] = model_needs.needs(section.model, section.device, key=key).memory
    return needed


def _text_width(text: Any) -> int:
    """Numbers in a word's vector, of a model of BERT-base's width."""
    return TEXT_WIDTH * (len(text.layers or range(LAYERS)) if text.combine == "concat" else 1)


def _transcribe(speech: Any) -> float:
    """Whisper's workers state their needs; Vosk's threads share a model."""
    if isinstance(speech, WhisperSettings):
        return float(transcribe_all.needs(speech).memory)
    return DEFAULT.memory + _bytes(speech.model)


def _runs(sections: Mapping[str, Any]) -> int:
    return len(sections["runs"].targets) * len(sections["runs"].folds)


def _run_bytes(encoders: Any) -> float:
    return SMALL_RUN + 4 * _parameters(encoders)


def _parameters(encoders: Any) -> int:
    """Weights of the encoders that each run trains, and so stores."""
    trained = [each for each in (encoders.visual, encoders.audio) if each.mode == "finetune"]
    return sum(PARAMETERS.get(each.kind, 0) for each in trained)


def _bytes(folder: str | None) -> int:
    files = Path(folder).rglob("*") if folder and Path(folder).is_dir() else []
    return sum(path.stat().st_size for path in files if path.is_file())
