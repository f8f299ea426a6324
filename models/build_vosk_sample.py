"""Train the sample's Vosk model: a small recogniser of the synthetic voice, from nothing.

    python models/build_vosk_sample.py [FOLDER]          (by default models/vosk-sample)

Downloads nothing and takes some minutes on two cores; on one machine the bytes are always the
same.

1 speech     sentences, and random strings of their words, by eSpeak NG in many voices, pitches
             and rates; its events give the times of all phones, so no alignment is trained
2 features   Kaldi's MFCC, in torch, of that speech with random level, channel and noise, and of
             sound without speech
3 network    a TDNN with one phone label per 30 ms
4 files      the acoustic model, a graph of bigram x pronunciations x HMM states, tables, conf

The vocabulary is that of rjcma/sample/sentences.py: build again after changing it.
"""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.optimize
import scipy.signal
import torch
import typer
from kaldi_files import (
    SILENCE,
    Affine,
    Bigram,
    Graph,
    mfcc_conf,
    model_conf,
    network,
    phone_table,
    transition_model,
)
from model_script import MODELS, SEED, Folder, report, write_files

from rjcma.sample.sentences import VOCABULARY, plain_sentence
from rjcma.sample.voice import SAMPLE_RATE_HZ, VOICES, Espeak, Span

SPOKEN, SPEECHLESS, COUNTED = 7200, 480, 10000  # utterances, other sounds, bigram sentences
FRAME = 0.030  # seconds of an output frame, three input frames
BANDS, LOW_HZ, HIGH_HZ = 40, 20.0, 7600.0
DIM = 128
SPLICES = [(-2, -1, 0, 1, 2), (-1, 0, 1), (-3, 0, 3), (-3, 0, 3), (-3, 0, 3)]
CONTEXT = sum(splice[-1] for splice in SPLICES)  # further input frames on each side
EPOCHS, CHUNK, BATCH, PEAK_RATE = 6, 60, 32, 4e-3
LM_SCALE, PRIOR_SCALE = 0.4, 0.3
RARE = 0.04  # share of a word's utterances below which a pronunciation is left out

RESAMPLE = "--allow-downsample=true\n--allow-upsample=true\n"
MFCC_CONF = mfcc_conf(SAMPLE_RATE_HZ, BANDS, LOW_HZ, HIGH_HZ, more=RESAMPLE)
MODEL_CONF = model_conf(beam=14.0, lattice_beam=5.0)
README = """\
Small Vosk model of the sample corpus, trained from nothing by models/build_vosk_sample.py on
speech synthesised with eSpeak NG. It knows that synthetic English voice and the words of
graph/words.txt; it does not recognise human speech.
"""


def main(folder: Folder = MODELS / "vosk-sample", seed: int = SEED) -> None:
    """Train the model and write it into FOLDER."""
    with report(folder):
        write_files(folder, build(seed))


def build(seed: int) -> dict[str, bytes]:
    """The files of the model, by name."""
    torch.set_num_threads(2)  # their number can change the last bits of the weights
    espeak = Espeak()
    features, labels, names = training_set(espeak, seed)
    pronunciations = {word: usual_pronunciations(espeak.lexicon[word]) for word in VOCABULARY}
    print(f"{len(features) / 6000:.0f} min of audio, {len(names)} phones", flush=True)
    net = train(features, labels, len(names), seed)
    return model_files(net, labels.numpy(), names, pronunciations, counted_texts(seed))


# ------------------------------------------------------------------------------------ 1 speech


def spoken_texts(seed: int) -> list[str]:
    """The texts to speak: half sentences, half random strings of words."""
    rng = random.Random(f"speech {seed}")
    return [
        " ".join(rng.choices(VOCABULARY, k=rng.randint(3, 9))) if i % 2 else plain_sentence(rng)
        for i in range(SPOKEN)
    ]


def counted_texts(seed: int) -> list[str]:
    """The texts whose words the bigram counts."""
    rng = random.Random(f"grammar {seed}")
    return [plain_sentence(rng) for _ in range(COUNTED)]


def random_style(rng: random.Random, voices: Sequence[str]) -> dict[str, Any]:
    """A random way to speak an utterance."""
    return {
        "voice": rng.choice(voices),
        "rate": rng.randint(105, 235),
        "pitch": rng.randint(5, 95),
        "pitch_range": rng.randint(10, 95),
        "volume": rng.randint(40, 180),
    }


def usual_pronunciations(
    counts: Counter[tuple[str, ...]],
) -> list[tuple[tuple[str, ...], float]]:
    """A word's pronunciations that are not rare, the most frequent first, with their costs."""
    total = counts.total()
    return [(p, -math.log(k / total)) for p, k in counts.most_common() if k >= RARE * total]


# ---------------------------------------------------------------------------------- 2 features


def mfcc_tables() -> list[torch.Tensor]:
    """Kaldi's Povey window, mel filters and cosine transform."""

    def mel(hz: Any) -> Any:
        return 1127.0 * np.log(1.0 + np.asarray(hz) / 700.0)

    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 399)) ** 0.85
    edges = np.linspace(mel(LOW_HZ), mel(HIGH_HZ), BANDS + 2)
    left, centre, right = edges[:-2], edges[1:-1], edges[2:]
    bins = mel(np.arange(256) * SAMPLE_RATE_HZ / 512)[:, None]
    rising, falling = (bins - left) / (centre - left), (right - bins) / (right - centre)
    filters = np.maximum(0, np.minimum(rising, falling))
    k = np.arange(BANDS)
    transform = np.sqrt(2 / BANDS) * np.cos(np.pi / BANDS * (k[:, None] + 0.5) * k)
    transform[:, 0] = np.sqrt(1 / BANDS)
    return [torch.tensor(t, dtype=torch.float32) for t in (window, filters, transform)]


WINDOW, FILTERS, TRANSFORM = mfcc_tables()


def mfcc(audio: Any) -> torch.Tensor:
    """Kaldi's MFCC with MFCC_CONF of audio of full scale 1: (frames of 10 ms, BANDS)."""
    x = torch.as_tensor(np.round(audio * 32768).clip(-32768, 32767), dtype=torch.float32)
    x = x.unfold(0, 400, 160)
    x = x - x.mean(1, keepdim=True)
    x = x - 0.97 * torch.cat([x[:, :1], x[:, :-1]], 1)
    power = torch.fft.rfft(x * WINDOW, 512).abs().square()[:, :256]
    return (power @ FILTERS).clamp_min(torch.finfo(torch.float32).eps).log() @ TRANSFORM


def coloured_noise(rng: np.random.Generator, n: int) -> Any:
    """Noise of RMS 1 with a slope between white and brown, sometimes with tones (hum, a chord)."""
    frequency = np.maximum(np.arange(n // 2 + 1) * SAMPLE_RATE_HZ / n, 30.0)
    spectrum = rng.normal(size=(2, n // 2 + 1)) * frequency ** -rng.uniform(0, 1.1)
    y = np.fft.irfft(spectrum[0] + 1j * spectrum[1], n)
    y /= y.std()
    if rng.random() < 0.3:
        base = math.exp(rng.uniform(math.log(50), math.log(800)))
        chord = 2 * np.pi * base * rng.choice([1, 1.25, 1.5, 2, 3, 4], 3, replace=False)
        tones = sum(rng.uniform(0, 1) * np.sin(w / SAMPLE_RATE_HZ * np.arange(n)) for w in chord)
        y = y * rng.uniform(0.05, 1) + tones * rng.uniform(0.3, 1)
    return y / y.std()


def augment(rng: np.random.Generator, audio: Any) -> Any:
    """The audio with random spectral tilt, low-pass, noise and level; times do not change."""
    if rng.random() < 0.5:
        audio = scipy.signal.lfilter([1, rng.uniform(-0.5, 0.5)], [1], audio)
    if rng.random() < 0.3:
        cut = rng.uniform(4000, 7500)
        sections = scipy.signal.butter(4, cut, fs=SAMPLE_RATE_HZ, output="sos")
        audio = scipy.signal.sosfilt(sections, audio)
    if rng.random() < 0.85:
        noise = 10 ** (-rng.uniform(8, 50) / 20) * coloured_noise(rng, len(audio))
        audio = audio + audio.std() * noise
    return audio * 10 ** (rng.uniform(-32, -0.5) / 20) / np.abs(audio).max()


def frame_labels(
    phones: Sequence[Span], lead: float, frames: int, index: dict[str, int]
) -> np.ndarray:
    """The phone of each output frame; each phone gets at least one frame.

    For this, boundaries move as little as possible: isotonic regression of (boundary - ordinal).
    """
    bounds = (np.array([phone.start for phone in phones] + [phones[-1].end]) + lead) / FRAME
    order = np.arange(len(bounds))
    bounds = np.round(scipy.optimize.isotonic_regression(bounds - order).x).astype(int) + order
    labels = np.zeros(frames, np.int64)
    for phone, start, end in zip(phones, bounds, bounds[1:]):
        labels[start:end] = index[phone.text]
    return labels


def training_set(espeak: Espeak, seed: int) -> tuple[torch.Tensor, torch.Tensor, list[str]]:
    """Features (10 ms frames, BANDS), labels (30 ms frames) and the phones' names, SIL first."""
    style, rng = random.Random(f"style {seed}"), np.random.default_rng(seed)
    speech = [espeak.say(text, **random_style(style, VOICES)) for text in spoken_texts(seed)]
    counts = espeak.lexicon.values()
    names = [SILENCE, *sorted({phone for c in counts for phones in c for phone in phones})]
    index = {name: i for i, name in enumerate(names)}
    features, labels = [], []
    for utterance in speech:
        lead, tail = rng.uniform(0.05, 0.7), rng.uniform(0.1, 0.7)
        around = int(lead * SAMPLE_RATE_HZ), int(tail * SAMPLE_RATE_HZ)
        frames = mfcc(augment(rng, np.pad(utterance.audio, around)))
        features.append(frames[: len(frames) // 3 * 3])
        labels.append(frame_labels(utterance.phones, lead, len(frames) // 3, index))
    for i in range(SPEECHLESS):
        digital_silence = i % 5 == 0
        level = 0 if digital_silence else 10 ** (rng.uniform(-80, -14) / 20)
        frames = mfcc(level * coloured_noise(rng, 3 * SAMPLE_RATE_HZ))
        features.append(frames[: len(frames) // 3 * 3])
        labels.append(np.zeros(len(frames) // 3, np.int64))
    return torch.cat(features), torch.tensor(np.concatenate(labels)), names


# ----------------------------------------------------------------------------------- 3 network


class Tdnn(torch.nn.Module):
    """Splice, affine, ReLU and batch norm for each of SPLICES; the second gives 30 ms frames.

    The input, (batch, 10 ms frames, BANDS), has CONTEXT more frames on each side; the output is
    (batch, phones, 30 ms frames).
    """

    def __init__(self, outputs: int, mean: torch.Tensor, std: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)
        self.affine = torch.nn.ModuleList(
            torch.nn.Conv1d(DIM if i else BANDS, DIM, len(splice), stride=3 if i == 1 else 1)
            for i, splice in enumerate(SPLICES)
        )
        self.norm = torch.nn.ModuleList(torch.nn.BatchNorm1d(DIM, affine=False) for _ in SPLICES)
        self.last = torch.nn.Conv1d(DIM, outputs, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = ((x - self.mean) / self.std).transpose(1, 2)
        for affine, norm in zip(self.affine, self.norm):
            x = norm(torch.relu(affine(x)))
        return self.last(x)


def train(features: torch.Tensor, labels: torch.Tensor, outputs: int, seed: int) -> Tdnn:
    """The network, trained by cross-entropy on random chunks."""
    torch.manual_seed(seed)
    net = Tdnn(outputs, features.mean(0), features.std(0))
    before, after = features[:1].expand(CONTEXT, -1), features[-1:].expand(CONTEXT, -1)
    padded = torch.cat([before, features, after])
    starts = torch.arange(0, len(labels) - 2 * CHUNK, CHUNK)
    batches = len(starts) // BATCH
    optimiser = torch.optim.AdamW(net.parameters(), weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, PEAK_RATE, EPOCHS * batches, pct_start=0.2
    )
    frames_in, frames_out = torch.arange(3 * CHUNK + 2 * CONTEXT - 2), torch.arange(CHUNK)
    for epoch in range(EPOCHS):
        order = starts[torch.randperm(len(starts))] + torch.randint(CHUNK, (1,))
        right = 0.0
        for batch in order[: batches * BATCH].view(-1, BATCH, 1):
            logits, truth = net(padded[3 * batch + frames_in]), labels[batch + frames_out]
            loss = torch.nn.functional.cross_entropy(logits, truth, label_smoothing=0.02)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            right += (logits.argmax(1) == truth).float().mean().item()
        print(f"epoch {epoch + 1}: training frames right {right / batches:.3f}", flush=True)
    return net.eval()


def folded(net: Tdnn, log_prior: torch.Tensor) -> list[Affine]:
    """The network as affine layers only.

    Input normalisation and batch norms are folded into the affine layers after them, the phones'
    priors into the last bias.
    """
    scale, shift = 1 / net.std.double(), -(net.mean / net.std).double()
    layers = []
    for n, affine in enumerate([*net.affine, net.last]):
        last = n == len(SPLICES)
        weight = affine.weight.detach().double()  # (outputs, inputs, splice)
        bias = affine.bias.detach().double() + (weight * shift[:, None]).sum((1, 2))
        weight = (weight * scale[:, None]).transpose(1, 2).flatten(1)
        if last:
            layers.append(Affine(weight, bias - log_prior, (0,)))
        else:
            layers.append(Affine(weight, bias, SPLICES[n]))
            scale = (net.norm[n].running_var.double() + net.norm[n].eps).rsqrt()
            shift = -net.norm[n].running_mean.double() * scale
    return layers


# ------------------------------------------------------------------------------------- 4 files


def bigram(sentences: Sequence[str]) -> Bigram:
    """A bigram with Witten-Bell smoothing; all costs are multiplied by LM_SCALE."""
    pairs: dict[str, Counter[str]] = defaultdict(Counter)
    for text in sentences:
        words = ["<s>", *text.split(), "</s>"]
        for v, w in itertools.pairwise(words):
            pairs[v][w] += 1
    count = Counter([*VOCABULARY, "</s>"])
    for followers in pairs.values():
        count.update(followers)
    unigram = {w: 0.5 / len(count) + 0.5 * n / count.total() for w, n in count.items()}
    after, back_off = {}, {}
    for v in ["<s>", *VOCABULARY]:
        n, distinct = pairs[v].total(), len(pairs[v]) + 1
        back_off[v] = -LM_SCALE * math.log(distinct / (n + distinct))
        after[v] = {
            w: -LM_SCALE * math.log((k + distinct * unigram[w]) / (n + distinct))
            for w, k in pairs[v].items()
        }
    return Bigram({w: -LM_SCALE * math.log(p) for w, p in unigram.items()}, after, back_off)


def model_files(
    net: Tdnn,
    labels: np.ndarray,
    names: list[str],
    pronunciations: dict[str, list[tuple[tuple[str, ...], float]]],
    sentences: Sequence[str],
) -> dict[str, bytes]:
    """The model's files, by name. The labels give the phones' priors and durations."""
    count = np.bincount(labels, minlength=len(names)) + 1.0
    runs = np.bincount(labels[np.diff(labels, prepend=-1) != 0], minlength=len(names)) + 1.0
    stay = np.clip(1 - runs / count, 0.1, 0.95)
    log_prior = PRIOR_SCALE * torch.tensor(np.log(count / count.sum()))
    phones = phone_table(names)
    symbols = ["<eps>", *pronunciations, "#0", "<s>", "</s>"]
    word_ids = {word: i for i, word in enumerate(symbols)}
    graph = Graph(pronunciations, phones, stay, bigram(sentences), word_ids)
    acoustic = transition_model(phones, stay) + network(folded(net, log_prior), BANDS, CONTEXT)
    words = "".join(f"{word} {i}\n" for word, i in word_ids.items())
    phone_ids = "".join(f"{phone.symbol} {i}\n" for i, phone in enumerate(phones, 1))
    boundaries = "".join(f"{i} {phone.place}\n" for i, phone in enumerate(phones, 1))
    return {
        "README": README.encode(),
        "conf/mfcc.conf": MFCC_CONF.encode(),
        "conf/model.conf": MODEL_CONF.encode(),
        "am/final.mdl": b"\0B" + acoustic,
        "graph/HCLG.fst": graph.fst(),
        "graph/words.txt": words.encode(),
        "graph/phones.txt": f"<eps> 0\n{phone_ids}".encode(),
        "graph/phones/word_boundary.int": boundaries.encode(),
    }


if __name__ == "__main__":
    typer.run(main)
