"""Tiny models with random weights, for tests: a BERT and an XLM-RoBERTa, in letters and pieces."""

from __future__ import annotations

import string
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertForTokenClassification,
    BertModel,
    PreTrainedTokenizerFast,
    XLMRobertaConfig,
    XLMRobertaForTokenClassification,
)

LABELS = ["0", ".", ",", "?", "-", ":"]
LETTERS = string.ascii_lowercase + string.digits + "'.,?"


def bert(folder: Path, *, positions: int = 64, labels: list[str] | None = None) -> Path:
    """A BERT that reads every letter as a sub-word; a token classifier if labels are given."""
    first = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    tokens = first + list(LETTERS) + ["##" + letter for letter in LETTERS]
    ids = {token: number for number, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]", max_input_chars_per_word=9999))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    ends = [("[CLS]", 2), ("[SEP]", 3)]
    tokenizer.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", None, ends)
    _save(tokenizer, folder, positions, "[PAD]", "[UNK]", "[CLS]", "[SEP]")
    sizes = {"hidden_size": 28, "intermediate_size": 22, "num_hidden_layers": 5}
    config = BertConfig(
        vocab_size=len(ids),
        num_attention_heads=2,
        max_position_embeddings=positions,
        initializer_range=0.1,  # so that words and labels differ clearly
        **sizes,
        **_names(labels),
    )
    torch.manual_seed(3)
    model = BertForTokenClassification(config) if labels else BertModel(config)
    model.save_pretrained(folder)
    return folder


def xlm_roberta(folder: Path, *, reads: int = 48) -> Path:
    """A token classifier of the fullstop model's kind, that can read `reads` sub-words."""
    pieces = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -3.0)]
    pieces += [("▁" + letter, -4.0) for letter in LETTERS] + [(letter, -4.5) for letter in LETTERS]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=3))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    ends = [("<s>", 0), ("</s>", 2)]
    tokenizer.post_processor = processors.TemplateProcessing("<s> $A </s>", None, ends)
    _save(tokenizer, folder, 10**6, "<pad>", "<unk>", "<s>", "</s>")
    config = XLMRobertaConfig(
        vocab_size=len(pieces),
        hidden_size=28,
        intermediate_size=22,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=reads + 2,
        initializer_range=0.1,
        type_vocab_size=1,
        pad_token_id=1,
        **_names(LABELS),
    )
    torch.manual_seed(5)
    XLMRobertaForTokenClassification(config).save_pretrained(folder)
    return folder


def _save(
    tokenizer: Tokenizer, folder: Path, max_length: int, pad: str, unk: str, cls: str, sep: str
) -> None:
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=max_length,
        pad_token=pad,
        unk_token=unk,
        cls_token=cls,
        sep_token=sep,
    ).save_pretrained(folder)


def _names(labels: list[str] | None) -> dict[str, dict]:
    if not labels:
        return {}
    numbered = dict(enumerate(labels))
    return {"id2label": numbered, "label2id": {label: n for n, label in numbered.items()}}
