"""A vector a word: the sum of BERT's last four hidden layers, averaged over the word's sub-words.

Follows the paper (4.1), which sums the last four layers. A word is read with the mark attached to
it ("today."), which BERT's tokenizer splits off; the mark counts as one of the word's sub-words,
so that it colours both its word's vector and, by attention, all others.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModel, AutoTokenizer

from rjcma import device
from rjcma.problem import Problem
from rjcma.text import windows
from rjcma.text.pretrained import longest, opened
from rjcma.text.settings import Text

KEY = "text.model"
LAYERS = 4  # the paper, 4.1
MARKS = 2  # [CLS] before a window and [SEP] behind it

Vectors = NDArray[np.float32]


@functools.lru_cache(maxsize=1)
def embedder(settings: Text) -> Embedder:
    """The model that the params name, loaded; the last one is kept."""
    return Embedder(settings)


class Embedder:
    """A BERT of `transformers` on a device."""

    def __init__(self, settings: Text) -> None:
        self.device, self.batch = device.choose(settings.device, "text.device"), settings.batch
        # RoBERTa's kin want to be told that words come with the space before them.
        self.tokenizer = opened(settings.model, AutoTokenizer, key=KEY, add_prefix_space=True)
        self.cls, self.sep = self._marks(settings.model)
        model = opened(settings.model, AutoModel, key=KEY, dtype=torch.float32)
        self.model = model.eval().to(self.device)
        most = min(settings.window, self.tokenizer.model_max_length)
        self.size = longest(model, most) - MARKS

    @property
    def dimension(self) -> int:
        """The length D of a word's vector."""
        return int(self.model.config.hidden_size)

    def embed(self, words: Sequence[str]) -> Vectors:
        """The vectors of a transcript's words, (W, D); of none, (0, D).

        Nothing is left out: what is longer than the model reads is read in overlapping windows
        (`rjcma.text.windows`), `batch` of them at once.
        """
        subwords = self._subwords(words)
        word, lengths = _units(subwords, self.size)
        cuts = windows.cut(lengths, self.size)
        owner = np.repeat(windows.chosen(cuts, lengths), lengths)  # a sub-word's window
        word = np.repeat(word, lengths)  # a sub-word's word
        ids = np.concatenate([np.zeros(0, np.int64), *subwords]).astype(np.int64)
        ends = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        spans = [(ends[start], ends[stop]) for start, stop in cuts]
        sums = np.zeros((len(words), self.dimension), np.float32)
        read = self._read([ids[a:b] for a, b in spans])
        for number, ((a, b), hidden) in enumerate(zip(spans, read)):
            mine = owner[a:b] == number
            np.add.at(sums, word[a:b][mine], hidden[mine])
        return sums / np.array([len(part) for part in subwords], np.float32)[:, None]

    def _subwords(self, words: Sequence[str]) -> list[list[int]]:
        """Each word's sub-words, at least one: [UNK] where the tokenizer sees nothing."""
        if not words:
            return []
        single = [[word] for word in words]
        found = self.tokenizer(single, is_split_into_words=True, add_special_tokens=False)
        return [part or [self.tokenizer.unk_token_id] for part in found["input_ids"]]

    def _read(self, sequences: Sequence[NDArray[np.int64]]) -> Iterable[Vectors]:
        """The vector of each sub-word of each sequence, (its length, D), batch by batch."""
        waiting = iter(sequences)
        while batch := list(islice(waiting, self.batch)):
            hidden = self._forward(batch)
            yield from (h[1 : 1 + len(ids)] for h, ids in zip(hidden, batch))

    @torch.inference_mode()
    def _forward(self, batch: Sequence[NDArray[np.int64]]) -> Vectors:
        """The sum of the last layers over padded sequences, (len(batch), longest + MARKS, D)."""
        length = max(len(ids) for ids in batch) + MARKS
        inputs = np.full((len(batch), length), self.tokenizer.pad_token_id or 0)
        mask = np.zeros((len(batch), length), np.int64)
        for row, ids in enumerate(batch):
            inputs[row, : len(ids) + MARKS] = [self.cls, *ids, self.sep]
            mask[row, : len(ids) + MARKS] = 1
        output = self.model(
            input_ids=torch.from_numpy(inputs).to(self.device),
            attention_mask=torch.from_numpy(mask).to(self.device),
            output_hidden_states=True,
        )
        layers = output.hidden_states[1:][-LAYERS:]  # the first is the embedding, no layer
        summed: Vectors = torch.stack(layers).sum(0).cpu().numpy()
        return summed

    def _marks(self, name: str) -> tuple[int, int]:
        cls, sep = self.tokenizer.cls_token_id, self.tokenizer.sep_token_id
        if cls is None or sep is None:
            raise Problem(
                file=f"{KEY}: {name}",
                found="a tokenizer without [CLS] and [SEP]",
                expected="a BERT or one of its kin",
                cure=f"name such a model in {KEY}, bert-base-uncased for instance",
            )
        return cls, sep


def _units(subwords: Sequence[Sequence[int]], size: int) -> tuple[NDArray[np.int64], list[int]]:
    """What windows are cut from: words, and pieces of words that alone are above `size`.

    -> the word of each unit, and its length.
    """
    word, lengths = [], []
    for number, part in enumerate(subwords):
        for at in range(0, len(part), size):
            word.append(number)
            lengths.append(min(size, len(part) - at))
    return np.array(word, np.int64), lengths
