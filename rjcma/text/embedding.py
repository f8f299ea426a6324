"""One vector per word: the sum of BERT's last four hidden layers, averaged over its sub-words.

Follows the paper (4.1), which sums the last four layers. A word is read with its punctuation mark
("today."). BERT's tokenizer splits the mark off; it counts as one of the word's sub-words, so it
changes the word's vector and, through attention, all others.
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
from rjcma.text.pretrained import load_pretrained, max_subwords
from rjcma.text.settings import Text

KEY = "text.model"
LAYERS = 4  # the paper, 4.1
SPECIAL_TOKENS = 2  # [CLS] before a window and [SEP] after it

Vectors = NDArray[np.float32]


@functools.lru_cache(maxsize=1)
def embedder(settings: Text) -> Embedder:
    """The embedder of these settings, with its model loaded; the last one is cached."""
    return Embedder(settings)


class Embedder:
    """A BERT of `transformers` on a device."""

    def __init__(self, settings: Text) -> None:
        self.device, self.batch = device.choose(settings.device, "text.device"), settings.batch
        # RoBERTa's tokenizer needs add_prefix_space for text that is split into words already.
        self.tokenizer = load_pretrained(
            settings.model, AutoTokenizer, key=KEY, add_prefix_space=True
        )
        self.cls, self.sep = self._special_tokens(settings.model)
        model = load_pretrained(settings.model, AutoModel, key=KEY, dtype=torch.float32)
        self.model = model.eval().to(self.device)
        limit = min(settings.window, self.tokenizer.model_max_length)
        self.size = max_subwords(model, limit) - SPECIAL_TOKENS

    @property
    def dimension(self) -> int:
        """The length D of a word's vector."""
        return int(self.model.config.hidden_size)

    def embed(self, words: Sequence[str]) -> Vectors:
        """The vectors of a transcript's words, (W, D).

        A transcript longer than the model can read is read in overlapping windows
        (`rjcma.text.windows`), `batch` of them at once; no word is left out.
        """
        subwords = self._subwords(words)
        word, lengths = _units(subwords, self.size)
        cuts = windows.cut(lengths, self.size)
        owner = np.repeat(windows.best_windows(cuts, lengths), lengths)  # of each sub-word
        word = np.repeat(word, lengths)  # of each sub-word
        ids = np.concatenate([np.zeros(0, np.int64), *subwords]).astype(np.int64)
        ends = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        spans = [(ends[start], ends[stop]) for start, stop in cuts]
        sums = np.zeros((len(words), self.dimension), np.float32)
        outputs = self._read([ids[a:b] for a, b in spans])
        for window, ((a, b), hidden) in enumerate(zip(spans, outputs)):
            owned = owner[a:b] == window
            np.add.at(sums, word[a:b][owned], hidden[owned])
        return sums / np.array([len(part) for part in subwords], np.float32)[:, None]

    def _subwords(self, words: Sequence[str]) -> list[list[int]]:
        """Each word's sub-words, at least one: [UNK] if the tokenizer drops the word."""
        if not words:
            return []
        single = [[word] for word in words]
        encoded = self.tokenizer(single, is_split_into_words=True, add_special_tokens=False)
        return [part or [self.tokenizer.unk_token_id] for part in encoded["input_ids"]]

    def _read(self, sequences: Sequence[NDArray[np.int64]]) -> Iterable[Vectors]:
        """The vector of each sub-word of each sequence, (its length, D), batch by batch."""
        waiting = iter(sequences)
        while batch := list(islice(waiting, self.batch)):
            hidden = self._forward(batch)
            yield from (h[1 : 1 + len(ids)] for h, ids in zip(hidden, batch))

    @torch.inference_mode()
    def _forward(self, batch: Sequence[NDArray[np.int64]]) -> Vectors:
        """The sum of the last layers over padded sequences, (len(batch), longest + 2, D)."""
        length = max(len(ids) for ids in batch) + SPECIAL_TOKENS
        inputs = np.full((len(batch), length), self.tokenizer.pad_token_id or 0)
        mask = np.zeros((len(batch), length), np.int64)
        for row, ids in enumerate(batch):
            inputs[row, : len(ids) + SPECIAL_TOKENS] = [self.cls, *ids, self.sep]
            mask[row, : len(ids) + SPECIAL_TOKENS] = 1
        output = self.model(
            input_ids=torch.from_numpy(inputs).to(self.device),
            attention_mask=torch.from_numpy(mask).to(self.device),
            output_hidden_states=True,
        )
        layers = output.hidden_states[1:][-LAYERS:]  # without the first, the input embedding
        summed: Vectors = torch.stack(layers).sum(0).cpu().numpy()
        return summed

    def _special_tokens(self, name: str) -> tuple[int, int]:
        cls, sep = self.tokenizer.cls_token_id, self.tokenizer.sep_token_id
        if cls is None or sep is None:
            raise Problem(
                file=f"{KEY}: {name}",
                found="a tokenizer without [CLS] and [SEP]",
                expected="BERT or a model like it",
                cure=f"set {KEY} to such a model, for example bert-base-uncased",
            )
        return cls, sep


def _units(subwords: Sequence[Sequence[int]], size: int) -> tuple[NDArray[np.int64], list[int]]:
    """The units that windows are made of: words, and pieces of words longer than `size` sub-words.

    -> the word of each unit, (units,), and its length.
    """
    word, lengths = [], []
    for number, part in enumerate(subwords):
        for at in range(0, len(part), size):
            word.append(number)
            lengths.append(min(size, len(part) - at))
    return np.array(word, np.int64), lengths
