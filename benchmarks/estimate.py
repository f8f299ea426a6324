"""What a large corpus would cost: hours on 1, 16 and 256 cores, and bytes.

    python -m benchmarks.estimate

Measures the paper's four networks (with random weights, which are as fast) on one core, and takes
the other stages from `STAGES`, as `benchmarks.stages` measured them. Prints a table for Aff-Wild2
and for a corpus of 100 times its clips. Training is not part of it.

Clips and videos are independent of each other, so a stage takes its work divided by the cores, but
not less than its longest video on one core; the longest is taken to be `LONGEST` times the mean.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import nn
from transformers import BertConfig, BertModel, XLMRobertaConfig, XLMRobertaForTokenClassification

from benchmarks.rates import interleaved
from rjcma.encoders.inference import prepared, running
from rjcma.encoders.ir_resnet50 import IRResNet50
from rjcma.encoders.vggish import VGGish

FPS = 30
WORDS_PER_MINUTE = 100
SUBWORDS = 1.4
"""Per word (of XLM-R and BERT, in English text; rounded up)."""
OVERLAP = 2
"""How often a sub-word is read, since windows overlap by half."""
LONGEST = 10
ONE_MACHINE = 16
"""Cores that `index` uses at most: it runs on one machine."""
CORES = (1, 16, 256)

STAGES = {
    "index": 0.007,
    "extract_audio": 0.0018,
    "faces": 0.0053,
    "logmel": 0.0009,
    "transcribe": 0.27,
}
"""Seconds per second of video, on one core, without start-up, as `benchmarks.stages` measured them;
for `transcribe`, PocketSphinx's (`benchmarks.recognisers`), since a full Vosk model is not here."""


class Corpus(NamedTuple):
    """A corpus."""

    name: str
    videos: int
    frames: float
    crops: float

    @property
    def seconds(self) -> float:
        return self.frames / FPS

    @property
    def words(self) -> float:
        return self.seconds / 60 * WORDS_PER_MINUTE


AFF_WILD2 = Corpus("Aff-Wild2", 594, 3.0e6, 2.6e6)
LARGE = Corpus("100 times", 59_400, 3.0e8, 2.6e8)


def rates() -> dict[str, float]:
    """Frames, or sub-words, per second of each network, on one core."""
    torch.set_num_threads(1)
    torch.manual_seed(1)
    cpu = torch.device("cpu")
    faces, voice = IRResNet50().eval(), VGGish().eval()
    punctuation = XLMRobertaForTokenClassification(XLMRobertaConfig(**XLM_R_LARGE)).eval()
    bert = BertModel(BertConfig()).eval()
    ids = torch.randint(5, 30_000, (1, 512))
    calls: Mapping[str, tuple[int, Callable[[], object]]] = {
        "encode@visual": (64, _encoder(faces, 64)),
        "encode@audio": (64, _encoder(voice, 64)),
        "punctuate": (512, lambda: punctuation(ids)),
        "embed_text": (512, lambda: bert(ids)),
    }
    with torch.inference_mode(), running(cpu, "fp32"):
        spent = interleaved({name: call for name, (_, call) in calls.items()}, cpu, 3)
    return {name: count / spent[name] for name, (count, _) in calls.items()}


XLM_R_LARGE = {
    "vocab_size": 250_002,
    "hidden_size": 1024,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "intermediate_size": 4096,
    "max_position_embeddings": 514,
}
"""The network of the paper's punctuation model."""


def _encoder(network: nn.Module, frames: int) -> Callable[[], object]:
    ready = prepared(network, torch.device("cpu"), "fp32")
    values = torch.randn(frames, *network.input_shape)  # type: ignore[arg-type]
    return lambda: ready(values)


def work(corpus: Corpus, rate: Mapping[str, float]) -> dict[str, float]:
    """Seconds on one core, by stage."""
    subwords = SUBWORDS * OVERLAP * corpus.words
    amounts = {
        "encode@visual": corpus.crops,
        "encode@audio": corpus.frames,
        "punctuate": subwords,
        "embed_text": subwords,
    }
    return {stage: each * corpus.seconds for stage, each in STAGES.items()} | {
        stage: amount / rate[stage] for stage, amount in amounts.items()
    }


def written(corpus: Corpus) -> dict[str, float]:
    """Bytes, by stage."""
    return {
        "index": corpus.frames * 8,
        "extract_audio": corpus.seconds * 16_000 * 2,
        "faces": corpus.crops * 48 * 48 * 3 + corpus.frames * 4,
        "logmel": corpus.seconds * 100 * 64 * 4 + corpus.frames * 4,
        "transcribe": corpus.words * 90,
        "punctuate": corpus.words * 90,
        "embed_text": corpus.words * 768 * 4 + corpus.frames * 4,
        "encode@visual": corpus.frames * 512 * 4,
        "encode@audio": corpus.frames * 128 * 4,
    }


def hours(stage: str, seconds: float, cores: int, videos: int) -> float:
    used = min(cores, ONE_MACHINE) if stage == "index" else cores
    return max(seconds / used, LONGEST * seconds / videos) / 3600


def table(corpus: Corpus, rate: Mapping[str, float]) -> str:
    seconds, sizes = work(corpus, rate), written(corpus)
    rows = [f"| {corpus.name} | {' | '.join(f'h on {n}' for n in CORES)} | GB |"]
    rows += ["|---|" + "---:|" * (len(CORES) + 1)]
    totals = [0.0] * len(CORES)
    for stage, size in sizes.items():
        each = [hours(stage, seconds[stage], cores, corpus.videos) for cores in CORES]
        totals = [total + more for total, more in zip(totals, each, strict=True)]
        rows.append(_row(stage, each, size))
    return "\n".join([*rows, _row("all", totals, sum(sizes.values()))])


def _row(name: str, each: list[float], size: float) -> str:
    return f"| {name} | {' | '.join(map(_number, [*each, size / 1e9]))} |"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def main() -> None:
    """Measure, and print tables."""
    rate = rates()
    for name, value in rate.items():
        unit = "frames" if name.startswith("encode") else "sub-words"
        print(f"{name}: {value:.0f} {unit} a second on one core")
    for corpus in (AFF_WILD2, LARGE):
        print(f"\n{table(corpus, rate)}", flush=True)


if __name__ == "__main__":
    main()
