"""The engine `deepmultilingualpunctuation`: the paper's package for restoring punctuation.

Its `PunctuationModel` has a token classifier give each word a label, `0 . , ? - :`: the mark that
follows the word, 0 for none. Its predictions and its chunks (230 words, of which the last 5 are
left to the next chunk) are kept. Three things differ: the pipeline is built here, because the
package passes an option that transformers no longer has; chunks with too many sub-words, on which
the package would fail, are made smaller; and words that the tokenizer drops are replaced.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from deepmultilingualpunctuation import PunctuationModel
from transformers import AutoModelForTokenClassification, AutoTokenizer, pipeline

from rjcma import device
from rjcma.problem import Problem
from rjcma.speech.words import Word
from rjcma.text.pretrained import load_pretrained, max_subwords
from rjcma.text.settings import MultilingualSettings

KEY = "punctuation.model"
NONE = "0"
MARKS = (".", ",", "?", "-", ":")
CHUNK_WORDS, OVERLAP_WORDS = 230, 5  # the package's
LONGEST_WORD = 50  # characters of a word that are shown to the model (ours)
STAND_IN = "a"  # replaces a word that the tokenizer drops
SUBWORDS = 512  # what BERT reads at once, two special tokens included (Devlin et al., 2019)


def engine(settings: MultilingualSettings) -> Callable[[Sequence[Word]], list[str]]:
    """A function that gives the mark after each word; the model of the settings is loaded."""
    model = Multilingual(settings.model, device.choose(settings.device, "punctuation.device"))
    return lambda words: model.marks([word.text for word in words])


class Loaded(PunctuationModel):
    """The package's model around a pipeline that was built elsewhere."""

    def __init__(self, pipe: Any) -> None:  # in place of the package's own, which fails
        self.pipe = pipe


class Multilingual:
    """The package with the model called `name` (folder, hub name, `package:`) on a device."""

    def __init__(self, name: str, where: torch.device) -> None:
        self.tokenizer = load_pretrained(name, AutoTokenizer, key=KEY)
        auto = AutoModelForTokenClassification
        network = load_pretrained(name, auto, key=KEY, dtype=torch.float32).eval()
        _check(name, set(network.config.id2label.values()))
        self.limit = max_subwords(network, min(self.tokenizer.model_max_length, SUBWORDS))
        self.tokenizer.model_max_length = self.limit
        self.model = Loaded(
            pipeline(
                "token-classification",
                model=network,
                tokenizer=self.tokenizer,
                aggregation_strategy="none",
                device=where,
            )
        )

    def marks(self, words: Sequence[str]) -> list[str]:
        """The mark after each word, "" for none; as many marks as words."""
        shown = self._shown(words)
        labels: list[str] = []
        while len(labels) < len(words):
            chunk = self._chunk(shown[len(labels) :])
            rest = len(words) - len(labels) - len(chunk)
            overlap = min(OVERLAP_WORDS, len(chunk) // 2) if rest else 0
            labels += self._labels(chunk)[: len(chunk) - overlap]
        return ["" if label == NONE else label for label in labels]

    def _labels(self, chunk: list[str]) -> list[str]:
        if self._subwords(chunk) > self.limit:  # one word, longer than the model can read
            return [NONE]
        return [str(label) for _, label, _ in self.model.predict(chunk)]

    def _chunk(self, words: list[str]) -> list[str]:
        """The first of `words`: as many as fit into a chunk, and as the model can read."""
        chunk = words[:CHUNK_WORDS]
        while len(chunk) > 1 and (count := self._subwords(chunk)) > self.limit:
            chunk = chunk[: min(len(chunk) - 1, max(1, len(chunk) * self.limit // count))]
        return chunk

    def _subwords(self, words: list[str]) -> int:
        return len(self.tokenizer(" ".join(words), verbose=False)["input_ids"])

    def _shown(self, words: Sequence[str]) -> list[str]:
        """The words in the form that the model reads, so that each gets one label.

        They have no spaces, and end with the last character that the tokenizer keeps.
        """
        tight = ["".join(word.split())[:LONGEST_WORD] for word in words]
        unique = sorted(set(tight))
        if not unique:
            return []
        options = {"return_offsets_mapping": True, "add_special_tokens": False}
        offsets = self.tokenizer(unique, **options)["offset_mapping"]
        seen = {
            word: word[: places[-1][1]] if places else "" for word, places in zip(unique, offsets)
        }
        return [seen[word] or STAND_IN for word in tight]


def _check(name: str, labels: set[str]) -> None:
    if not {NONE, "."} <= labels <= {NONE, *MARKS}:
        raise Problem(
            file=f"{KEY}: {name}",
            found=f"a model with the labels {' '.join(sorted(labels))}",
            expected=f"labels among {NONE} {' '.join(MARKS)}, as the package's models have",
            cure=f"set {KEY} to a model for deepmultilingualpunctuation",
        )
