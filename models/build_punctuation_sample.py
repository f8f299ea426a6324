"""Train a small punctuation model for the sample corpus; write it as a `transformers` folder.

    python models/build_punctuation_sample.py [FOLDER]   (by default models/punctuation-sample)

1 text       consecutive sentences of `rjcma.sample.sentences`, as in a transcript, cut at any word,
             with a few words lost, wrong or unknown, as a recogniser makes them
2 tokenizer  one token per word of the sample's vocabulary; any other word is [UNK]
3 network    a ModernBERT of three narrow layers with one label per token, the labels of the
             package deepmultilingualpunctuation; with rotary positions and local attention,
             what it learns holds at any place of a text of any length
4 F1         of each mark on sentences that are not in training, through the package itself

It knows only the sample's sentences: run this again after changing them. The same seed gives the
same bytes on the same machine.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
import typer
from model_script import MODELS, SEED, Folder, report
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (
    ModernBertConfig,
    ModernBertForTokenClassification,
    PreTrainedTokenizerFast,
)

from rjcma.sample.sentences import MARKS, VOCABULARY, marked_words, written_sentence
from rjcma.text.multilingual import NONE, Multilingual

LAYERS = 3
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
LABELS = [NONE, ".", ",", "?", "-", ":"]  # of the package; the last two never occur here
STEPS, BATCH, PEAK_RATE = 1000, 16, 4e-3
LONGEST_EXCERPT = 80  # words; what is learnt holds for longer texts, as attention is local
LOST, WRONG, UNKNOWN = 0.005, 0.01, 0.005  # shares of the words of the training texts
README = """\
A miniature of the models of deepmultilingualpunctuation, trained from nothing by
build_punctuation_sample.py on the sentences of the sample corpus. It knows these and no others.
"""

MarkedWord = tuple[str, str]


def held_out(sentence: str) -> bool:
    """Whether a written sentence is kept for the test; one in ten is."""
    return zlib.crc32(sentence.encode()) % 10 == 0


def running_text(rng: random.Random, words: int, *, test: bool) -> list[MarkedWord]:
    """`words` words of consecutive sentences, each with the mark after it, "" for none."""
    text: list[MarkedWord] = []
    while len(text) < words:
        sentence = written_sentence(rng)
        if held_out(sentence) == test:
            text += marked_words(sentence)
    return text[:words]


def excerpt(rng: random.Random) -> list[MarkedWord]:
    """A training text: 5 to 80 words, from the beginning of a sentence or any word."""
    words = rng.randint(5, LONGEST_EXCERPT)
    skipped = rng.choice([0, rng.randint(0, 10)])
    text = running_text(rng, skipped + words, test=False)[skipped:]
    kept = [pair for pair in text if pair[1] or rng.random() >= LOST]
    return [(misheard(rng, word), mark) for word, mark in kept]


def misheard(rng: random.Random, word: str) -> str:
    """The word, or rarely another word or an unknown one."""
    chance = rng.random()
    if chance < WRONG:
        return rng.choice(VOCABULARY)
    return "[UNK]" if chance < WRONG + UNKNOWN else word


def build_tokenizer() -> PreTrainedTokenizerFast:
    """One token per word, [CLS] before a text and [SEP] after it."""
    ids = {token: number for number, token in enumerate([*SPECIAL, *VOCABULARY])}
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B [SEP]",
        special_tokens=[(token, ids[token]) for token in ("[CLS]", "[SEP]")],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=512,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
    )


def build_network(vocabulary: int) -> ModernBertForTokenClassification:
    """An untrained network for a vocabulary of this size, 0.3 MB."""
    config = ModernBertConfig(
        vocab_size=vocabulary,
        hidden_size=48,
        intermediate_size=96,
        num_hidden_layers=LAYERS,
        num_attention_heads=4,
        max_position_embeddings=512,
        layer_types=["sliding_attention"] * LAYERS,
        local_attention=32,  # 16 words on either side
        pad_token_id=0,
        cls_token_id=2,
        sep_token_id=3,
        bos_token_id=2,
        eos_token_id=3,
        id2label=dict(enumerate(LABELS)),
        label2id={label: number for number, label in enumerate(LABELS)},
    )
    return ModernBertForTokenClassification(config)


def batches(tokenizer: PreTrainedTokenizerFast, rng: random.Random) -> Iterator[dict]:
    """Endless batches of excerpts: input_ids, attention_mask, labels (-100: ignored)."""
    while True:
        texts = [excerpt(rng) for _ in range(BATCH)]
        inputs = tokenizer(
            [[word for word, _ in text] for text in texts],
            is_split_into_words=True,
            padding=True,
            return_tensors="pt",
        )
        labels = torch.full_like(inputs["input_ids"], -100)
        for row, text in enumerate(texts):
            marks = [LABELS.index(mark or NONE) for _, mark in text]
            labels[row, 1 : 1 + len(text)] = torch.tensor(marks)
        yield {
            "input_ids": inputs["input_ids"],
            "attention_mask": inputs["attention_mask"],
            "labels": labels,
        }


def train(network: torch.nn.Module, tokenizer: PreTrainedTokenizerFast) -> None:
    """Train the network, in place."""
    optimiser = torch.optim.AdamW(network.parameters(), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, PEAK_RATE, STEPS, pct_start=0.1)
    network.train()
    for step, batch in zip(range(1, STEPS + 1), batches(tokenizer, random.Random(SEED))):
        loss = network(**batch).loss
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        if step % 100 == 0:
            print(f"step {step}: loss {loss.item():.4f}", flush=True)


def f1(truth: Sequence[str], predicted: Sequence[str]) -> dict[str, float]:
    """F1 of each mark, from the true and the predicted marks of the same words."""
    scores = {}
    for mark in MARKS:
        right = sum(t == p == mark for t, p in zip(truth, predicted, strict=True))
        scores[mark] = 2 * right / max(1, list(truth).count(mark) + list(predicted).count(mark))
    return scores


def measure(folder: Path, seed: int, texts: int = 40, words: int = 60) -> dict[str, float]:
    """F1 of each mark on `texts` texts of `words` words, of sentences that are not in training."""
    rng, engine = random.Random(seed), Multilingual(str(folder), torch.device("cpu"))
    truth: list[str] = []
    predicted: list[str] = []
    for _ in range(texts):
        text = running_text(rng, words, test=True)
        truth += [mark for _, mark in text]
        predicted += engine.marks([word for word, _ in text])
    return f1(truth, predicted)


def build(folder: Path) -> None:
    """Train the model and write it to `folder`."""
    torch.set_num_threads(1)  # fast enough for a small network, and always the same sums
    torch.manual_seed(SEED)
    tokenizer = build_tokenizer()
    network = build_network(len(tokenizer))
    train(network, tokenizer)
    network.eval().save_pretrained(folder)
    build_tokenizer().save_pretrained(folder)  # a new one: batches set the first one's padding
    (folder / "README").write_text(README)


def main(folder: Folder = MODELS / "punctuation-sample") -> None:
    """Train the model, write it into FOLDER and measure it."""
    with report(folder):
        build(folder)
    print("F1 on unseen sentences:", {k: round(v, 4) for k, v in measure(folder, SEED).items()})


if __name__ == "__main__":
    typer.run(main)
