"""Word vectors of chosen layers, and of encoders whose tokenizers must be shown the spaces.

`rjcma.text.embedding` sums the last four layers, which is the default, and has the windows over
long transcripts. It is as it was when there was no choice, so that its vectors keep their keys.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers.modeling_outputs import BaseModelOutput

from rjcma import store
from rjcma.manifest import Clip
from rjcma.problem import Problem
from rjcma.speech.words import read
from rjcma.text import checked, loading, spaces
from rjcma.text.embed import _spoken_within
from rjcma.text.embedding import KEY, LAYERS, SPECIAL_TOKENS, Embedder
from rjcma.text.settings import Text
from rjcma.timeline import item_at

PRECISION = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def embed_video(settings: Text, clips: Sequence[Clip], transcript: Path, out: Path) -> None:
    """Write `out/<clip>.h5` for each clip of a video, as `rjcma.text.embed` does."""
    words = read(transcript)
    rows = embedder(settings).embed([word.text for word in words])
    starts, ends = [word.start for word in words], [word.end for word in words]
    for clip in clips:
        index = item_at(clip.frame_times(), starts, ends)
        placed = _spoken_within(rows, index) if clip.stretch else (rows, index)
        store.write(out / f"{clip.name}.h5", *placed)


@functools.lru_cache(maxsize=1)
def embedder(settings: Text) -> LayeredEmbedder:
    """The embedder of these settings, with its model loaded; the last one is cached."""
    return LayeredEmbedder(settings)


class LayeredEmbedder(Embedder):
    """A text encoder of `transformers` on a device, of which some layers are read."""

    def __init__(self, settings: Text) -> None:
        """Raises `Problem` for a model that is no text encoder, or has no such layers."""
        checked.check(settings.model)
        super().__init__(settings)
        # Nystromformer and its kin have two position embeddings more than they use.
        most = getattr(self.model.config, "max_position_embeddings", None) or settings.window
        self.size = min(self.size, int(most) - SPECIAL_TOKENS)
        count = int(self.model.config.num_hidden_layers)
        layers = settings.layers or tuple(range(max(1, count - LAYERS + 1), count + 1))
        _refuse_other_layers(settings.model, layers, count)
        self.width = int(self.model.config.hidden_size)
        self.width *= len(layers) if settings.combine == "concat" else 1
        self.model = Combined(self.model, layers, settings.combine, settings.precision)
        self.with_space = spaces.are_lost(self.tokenizer)

    @property
    def dimension(self) -> int:
        return self.width

    def _subwords(self, words: Sequence[str]) -> list[list[int]]:
        """As before; if the tokenizer adds no space before a word, it reads one there."""
        if not self.with_space or not words:
            return super()._subwords(words)
        read = self.tokenizer([f" {word}" for word in words], add_special_tokens=False)
        return [part or [self.tokenizer.unk_token_id or self.sep] for part in read["input_ids"]]


class Combined(nn.Module):
    """A text encoder whose layers are made into one, which is all that `Embedder` then sums."""

    def __init__(
        self, network: nn.Module, layers: Sequence[int], combine: str, precision: str
    ) -> None:
        super().__init__()
        self.network = network.to(PRECISION[precision])
        self.layers, self.combine, self.precision = tuple(layers), combine, precision

    def forward(self, **inputs: Any) -> BaseModelOutput:
        mask: Tensor = inputs["attention_mask"]
        states = self.network(**inputs).hidden_states
        chosen = [states[layer].float() for layer in self.layers]
        self._refuse_other_lengths(chosen, mask)
        if self.combine == "concat":
            whole = torch.cat(chosen, -1)  # (B, L, layers * D)
        else:
            whole = torch.stack(chosen).sum(0)  # (B, L, D)
            whole = whole / len(chosen) if self.combine == "mean" else whole
        self._refuse_no_numbers(whole[mask.bool()])
        return BaseModelOutput(hidden_states=(states[0], whole))

    def _refuse_other_lengths(self, chosen: Sequence[Tensor], mask: Tensor) -> None:
        if any(state.shape[1] != mask.shape[1] for state in chosen):
            raise Problem(
                file="text.layers",
                found="a layer that is shorter than the text",
                expected="a vector for each sub-word",
                cure=f"leave this layer out of text.layers, or name another model in {KEY}",
            )

    def _refuse_no_numbers(self, vectors: Tensor) -> None:
        if not torch.isfinite(vectors).all():
            raise Problem(
                file="text.precision",
                found=f"{self.precision} that gives what is no number",
                expected="finite vectors of words",
                cure="set text.precision to fp32; if it is that already, check the model's files",
            )


def _refuse_other_layers(name: str, layers: Sequence[int], count: int) -> None:
    for layer in layers:
        if not -count - 1 <= layer <= count:
            raise loading.problem(
                name,
                f"text.layers with {layer}",
                f"layers from 0 to {count}, or from -{count + 1} to -1",
                key=KEY,
                cure="correct text.layers",
            )
