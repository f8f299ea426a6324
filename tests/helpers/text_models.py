"""Tiny models with random weights, for tests: BERT and its kin, in letters, pieces and bytes."""

from __future__ import annotations

import string
from pathlib import Path

import torch
import transformers as t
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


SIZES = {"hidden_size": 28, "intermediate_size": 22, "num_hidden_layers": 5}
SIZES |= {"num_attention_heads": 2, "initializer_range": 0.1}
WORDS = ["so", "you", "are", "the", "disappointed", "friend"]
BERTS, ROBERTAS = ["[CLS]", "[PAD]", "[SEP]", "[UNK]"], ["<s>", "<pad>", "</s>", "<unk>"]
"""Special tokens, each at the same place."""


def _bytes(special: list[str]) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """GPT-2's kind of vocabulary and merges: bytes, and some words with their space."""
    ids = {token: n for n, token in enumerate(special)}
    for letter in sorted(pre_tokenizers.ByteLevel.alphabet()):
        ids[letter] = len(ids)
    merges = []
    for word in WORDS:
        for n in range(len(word)):
            pair = ("Ġ" + word[:n], word[n])
            if "".join(pair) not in ids:
                ids["".join(pair)] = len(ids)
                merges.append(pair)
    return ids, merges


def _ends(special: list[str]) -> dict[str, int]:
    return {"vocab_size": len(_bytes(special)[0]), "pad_token_id": 1}


def _roberta() -> tuple:
    ids, merges = _bytes(ROBERTAS)
    return t.RobertaTokenizer(vocab=ids, merges=merges), t.RobertaModel(
        t.RobertaConfig(**SIZES, **_ends(ROBERTAS), max_position_embeddings=40, type_vocab_size=1)
    )


def _deberta() -> tuple:
    ids, merges = _bytes([*BERTS, "[MASK]"])
    return t.DebertaTokenizer(vocab=ids, merges=merges), t.DebertaModel(
        t.DebertaConfig(
            **SIZES,
            **_ends([*BERTS, "[MASK]"]),
            max_position_embeddings=38,
            relative_attention=True,
            position_biased_input=False,
            pos_att_type=["c2p", "p2c"],
        )
    )


def _deberta_v2() -> tuple:
    pieces = [(token, 0.0) for token in ("[PAD]", "[CLS]", "[SEP]", "[UNK]")] + [("▁", -3.0)]
    pieces += [("▁" + letter, -4.0) for letter in LETTERS] + [(letter, -4.5) for letter in LETTERS]
    config = {"vocab_size": len(pieces) + 1, "pad_token_id": 0, "relative_attention": True}
    return t.DebertaV2Tokenizer(vocab=pieces, unk_id=3), t.DebertaV2Model(
        t.DebertaV2Config(
            **SIZES, **config, max_position_embeddings=38, pos_att_type=["c2p", "p2c"]
        )
    )


def _generic(add_space: bool = False) -> PreTrainedTokenizerFast:
    """A byte-level tokenizer of no class of its own, as ModernBERT's."""
    ids, merges = _bytes(BERTS)
    tokenizer = Tokenizer(models.BPE(vocab=ids, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=add_space)
    ends = [("[CLS]", 0), ("[SEP]", 2)]
    tokenizer.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", None, ends)
    names = dict(zip(("cls_token", "pad_token", "sep_token", "unk_token"), BERTS))
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names)


def _modernbert() -> tuple:
    ends = {f"{end}_token_id": n for n, end in enumerate(("cls", "pad", "sep"))}
    ends |= {"bos_token_id": 0, "eos_token_id": 2, "vocab_size": len(_bytes(BERTS)[0])}
    sizes = {**SIZES, "max_position_embeddings": 38, "local_attention": 16}
    return _generic(), t.ModernBertModel(t.ModernBertConfig(**sizes, **ends))


def _kin(kind: str, **sizes) -> tuple:
    """A model with BERT's own tokenizer, in letters."""
    names = {"distilbert": "DistilBert", "electra": "Electra", "albert": "Albert"}
    name = {**names, "nystromformer": "Nystromformer"}[kind]
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *LETTERS, *("##" + each for each in LETTERS)]
    tokenizer = t.BertTokenizer(vocab={token: n for n, token in enumerate(tokens)})
    config = getattr(t, f"{name}Config")(
        vocab_size=len(tokens), max_position_embeddings=38, pad_token_id=0, **sizes
    )
    return tokenizer, getattr(t, f"{name}Model")(config)


ENCODERS = {
    "roberta": _roberta,
    "deberta": _deberta,
    "deberta-v2": _deberta_v2,
    "modernbert": _modernbert,
    "distilbert": lambda: _kin("distilbert", dim=28, hidden_dim=22, n_layers=5, n_heads=2),
    "electra": lambda: _kin("electra", **SIZES, embedding_size=12),
    "albert": lambda: _kin("albert", **SIZES, embedding_size=12),
}
"""By name, what makes a text encoder and its tokenizer; each reads 38 sub-words."""


def save(folder: Path, name: str, *, seed: int = 7) -> Path:
    """Save the encoder of this name and its tokenizer; -> its folder."""
    torch.manual_seed(seed)
    tokenizer, model = ENCODERS[name]() if name in ENCODERS else _kin(name, **SIZES)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
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
