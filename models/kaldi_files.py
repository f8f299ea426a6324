"""The files of a small Vosk model: Kaldi's text files, Kaldi's and OpenFst's binary ones.

They follow the readers in kaldi (src/hmm/transition-model.cc, src/nnet3/nnet-nnet.cc,
src/matrix/compressed-matrix.cc) and openfst (fst/vector-fst.h).
"""

from __future__ import annotations

import itertools
import math
import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

SILENCE = "SIL"
SIL_COST, NO_SIL_COST = 2.0, 0.15  # of a pause after a word, and of no pause


def mfcc_conf(rate_hz: int, bands: int, low_hz: float, high_hz: float, more: str) -> str:
    """conf/mfcc.conf: as many cepstra as mel bands, no energy, liftering or dither; then `more`."""
    return f"""\
--sample-frequency={rate_hz}
--use-energy=false
--num-mel-bins={bands}
--num-ceps={bands}
--low-freq={low_hz:g}
--high-freq={high_hz:g}
--cepstral-lifter=0
--dither=0
{more}"""


def model_conf(beam: float, lattice_beam: float) -> str:
    """conf/model.conf: an utterance ends after half a second of silence.

    By default rule 5 also ends it after 20 s, which could cut a word in two; here, after an hour.
    """
    return f"""\
--min-active=200
--max-active=3000
--beam={beam}
--lattice-beam={lattice_beam}
--acoustic-scale=1.0
--frame-subsampling-factor=3
--endpoint.silence-phones=1
--endpoint.rule2.min-trailing-silence=0.5
--endpoint.rule3.min-trailing-silence=0.75
--endpoint.rule4.min-trailing-silence=1.0
--endpoint.rule5.min-utterance-length=3600
"""


class Phone(NamedTuple):
    """A row of the phone table, whose ids count from 1."""

    symbol: str
    pdf: int  # the network's output for it
    place: str  # in the word: begin, internal, end, singleton; or nonword


def phone_table(names: Sequence[str]) -> list[Phone]:
    """The phones of a model with these pdfs, silence first.

    libvosk finds the limits of words from the phones, so each phone has four ids, one for each
    place in a word; they share a pdf.
    """
    return [Phone(SILENCE, 0, "nonword")] + [
        Phone(f"{name}_{place[0].upper()}", pdf, place)
        for pdf, name in enumerate(names)
        if pdf
        for place in ("begin", "internal", "end", "singleton")
    ]


def transition_model(phones: Sequence[Phone], stay: Sequence[float]) -> bytes:
    """One HMM state per phone; phone p has the transition ids 2p - 1 (stay) and 2p (leave).

    `stay` is the probability of staying, by pdf.
    """
    count = len(phones)
    topology = [
        int_vector(range(1, count + 1)),
        int_vector([-1] + [0] * count),
        integer(1, 2, 0, 2),
        *(integer(0), real(0.5), integer(1), real(0.5)),
        integer(-1, 0),
    ]
    triples = [integer(id_, 0, phone.pdf) for id_, phone in enumerate(phones, 1)]
    logs = [math.log(p) for phone in phones for p in (stay[phone.pdf], 1 - stay[phone.pdf])]
    return b"".join(
        [
            token("<TransitionModel>", "<Topology>"),
            *topology,
            token("</Topology>", "<Triples>"),
            integer(count),
            *triples,
            token("</Triples>", "<LogProbs>"),
            vector([0.0, *logs]),
            token("</LogProbs>", "</TransitionModel>"),
        ]
    )


class Affine(NamedTuple):
    """A layer of the network: weight (outputs, splice * inputs) and bias, before ReLU."""

    weight: Any
    bias: Any
    splice: Sequence[int]  # its input frames, relative to its own


def network(layers: Sequence[Affine], inputs: int, context: int) -> bytes:
    """An nnet3 acoustic model: affine layers with ReLUs, the last with a log-softmax.

    `context` is the number of further input frames on each side.
    """
    config, parts, source = [f"input-node name=input dim={inputs}"], [], "input"
    for n, layer in enumerate(layers):
        last = n == len(layers) - 1
        kind = "LogSoftmaxComponent" if last else "RectifiedLinearComponent"
        parts += [_affine(n, layer), _nonlinearity(n, kind, len(layer.bias))]
        spliced = ", ".join(f"Offset({source}, {offset})" for offset in layer.splice)
        config += [
            f"component-node name=affine{n} component=affine{n} input=Append({spliced})",
            f"component-node name=out{n} component=out{n} input=affine{n}",
        ]
        source = f"out{n}"
    config.append(f"output-node name=output input={source} objective=linear")
    return b"".join(
        [
            token("<Nnet3>"),
            ("\n" + "\n".join(config) + "\n\n").encode(),
            token("<NumComponents>"),
            integer(2 * len(layers)),
            *parts,
            token("</Nnet3>", "<LeftContext>"),
            integer(context),
            token("<RightContext>"),
            integer(context),
            token("<Priors>"),
            vector(),
        ]
    )


def _affine(n: int, layer: Affine) -> bytes:
    return b"".join(
        [
            token("<ComponentName>", f"affine{n}", "<FixedAffineComponent>", "<LinearParams>"),
            matrix(layer.weight),
            token("<BiasParams>"),
            vector(layer.bias),
            token("</FixedAffineComponent>"),
        ]
    )


def _nonlinearity(n: int, kind: str, size: int) -> bytes:
    zero_count = b"\x08" + bytes(8)
    return b"".join(
        [
            token("<ComponentName>", f"out{n}", f"<{kind}>", "<Dim>"),
            integer(size),
            *(token("<ValueAvg>"), vector(), token("<DerivAvg>"), vector()),
            *(token("<Count>"), zero_count, token("<OderivRms>"), vector()),
            *(token("<OderivCount>"), zero_count, token(f"</{kind}>")),
        ]
    )


# ------------------------------------------------------------------------------------ elements


def token(*names: str) -> bytes:
    return "".join(name + " " for name in names).encode()


def integer(*values: int) -> bytes:
    return b"".join(b"\x04" + struct.pack("<i", value) for value in values)


def real(value: float) -> bytes:
    return b"\x04" + struct.pack("<f", value)


def int_vector(values: Sequence[int]) -> bytes:
    return integer(len(values)) + np.asarray(values, "<i4").tobytes()


def vector(values: Any = ()) -> bytes:
    return token("FV") + integer(len(values)) + np.asarray(values, "<f4").tobytes()


def matrix(values: Any) -> bytes:
    """Kaldi's CompressedMatrix: 16-bit values between the smallest and the largest."""
    m = np.asarray(values, np.float64)
    low, extent = m.min(), np.ptp(m)
    levels = np.round((m - low) / extent * 65535).astype("<u2")
    return token("CM2") + struct.pack("<ffii", low, extent, *m.shape) + levels.tobytes()


# --------------------------------------------------------------------------- the decoding graph


class Bigram(NamedTuple):
    """Costs of words; a history may be the start "<s>", a word the end "</s>"."""

    unigram: Mapping[str, float]  # after a back-off
    after: Mapping[str, Mapping[str, float]]  # history, word
    back_off: Mapping[str, float]  # history


class Arc(NamedTuple):
    """An arc of the graph, its fields in the order of the file."""

    source: int
    transition: int
    word: int
    cost: float
    target: int


def vector_fst(nodes: int, arcs: Iterable[Arc], finals: Mapping[int, float]) -> bytes:
    """OpenFst's binary VectorFst<StdArc>, file version 2, without symbol tables.

    Node 0 is the start; `finals` are the costs of ending, by node.
    """
    arcs = sorted(arcs)
    leaving: list[list[Arc]] = [[] for _ in range(nodes)]
    for arc in arcs:
        leaving[arc.source].append(arc)
    magic, version, expanded_and_mutable, start = 2125659606, 2, 0x3, 0
    types = 6, b"vector", 8, b"standard"
    header = (magic, *types, version, 0, expanded_and_mutable, start, nodes, len(arcs))
    out = [struct.pack("<ii6si8siiQqqq", *header)]
    for node, own in enumerate(leaving):
        out.append(struct.pack("<fq", finals.get(node, math.inf), len(own)))
        out += [struct.pack("<iifi", *arc[1:]) for arc in own]
    return b"".join(out)


class Graph:
    """HCLG: a bigram's words spelt in phones, one HMM state each. Node 0 is the start.

    history(v)  the last word was v (or <s>, the start): arcs with bigram costs leave from here
    silence(v)  a pause after v; on to history(v), or after a sentence's end to history(<s>)
    back-off    arcs with unigram costs leave from here

    Each pronunciation is a chain of nodes, one per phone, shared by all histories. As in Kaldi's
    "reordered" graphs a phone's leaving transition is taken on entering its node.
    """

    def __init__(
        self,
        lexicon: Mapping[str, Sequence[tuple[tuple[str, ...], float]]],  # pronunciations, costs
        phones: Sequence[Phone],
        stay: Sequence[float],
        bigram: Bigram,
        word_ids: Mapping[str, int],
    ) -> None:
        self.phones, self.stay, self.bigram = phones, stay, bigram
        self.phone_ids = {phone.symbol: id_ for id_, phone in enumerate(phones, 1)}
        self.arcs: list[Arc] = []
        self.finals: dict[int, float] = {}
        self.counter = itertools.count()
        self.history = {v: next(self.counter) for v in bigram.after}
        self.silence = {v: next(self.counter) for v in bigram.after}
        self.back_off = next(self.counter)
        entries = {w: [self._spell(w, *way) for way in ways] for w, ways in lexicon.items()}
        for v in bigram.after:
            self._after_a_word(v)
        tables = [(self.history[v], bigram.after[v]) for v in bigram.after]
        for source, table in [*tables, (self.back_off, bigram.unigram)]:
            for word in table.keys() - {"</s>"}:
                for symbol, node, cost in entries[word]:
                    self._enter(source, symbol, word_ids[word], table[word] + cost, node)
        self.nodes = next(self.counter)

    def _enter(self, source: int, symbol: str, word: int, cost: float, node: int) -> None:
        id_ = self.phone_ids[symbol]
        leave = -math.log(1 - self.stay[self.phones[id_ - 1].pdf])
        self.arcs.append(Arc(source, 2 * id_, word, cost + leave, node))

    def _loop(self, node: int, symbol: str) -> None:
        id_ = self.phone_ids[symbol]
        cost = -math.log(self.stay[self.phones[id_ - 1].pdf])
        self.arcs.append(Arc(node, 2 * id_ - 1, 0, cost, node))

    def _spell(
        self, word: str, pronunciation: tuple[str, ...], cost: float
    ) -> tuple[str, int, float]:
        """A chain of nodes for a pronunciation. -> its first symbol and node, and its cost."""
        first, *rest = pronunciation
        symbols = [f"{first}_S"]
        if rest:
            symbols = [f"{first}_B", *(f"{phone}_I" for phone in rest[:-1]), f"{rest[-1]}_E"]
        chain = [(symbol, next(self.counter)) for symbol in symbols]
        for symbol, node in chain:
            self._loop(node, symbol)
        for (_, before), (symbol, node) in itertools.pairwise(chain):
            self._enter(before, symbol, 0, 0.0, node)
        end = chain[-1][1]
        self.arcs.append(Arc(end, 0, 0, NO_SIL_COST, self.history[word]))
        self._enter(end, SILENCE, 0, SIL_COST, self.silence[word])
        return (*chain[0], cost)

    def _after_a_word(self, v: str) -> None:
        """Ends, pauses and the back-off of a history."""
        lm, history, silence = self.bigram, self.history[v], self.silence[v]
        end = lm.after[v].get("</s>", lm.back_off[v] + lm.unigram["</s>"])
        self.finals[history] = 0.0 if v == "<s>" else end
        self._loop(silence, SILENCE)
        self.arcs.append(Arc(silence, 0, 0, 0.0, history))
        self.arcs.append(Arc(history, 0, 0, lm.back_off[v], self.back_off))
        if v == "<s>":
            self._enter(history, SILENCE, 0, 0.0, silence)
        else:
            self.arcs.append(Arc(silence, 0, 0, end, self.history["<s>"]))

    def fst(self) -> bytes:
        """The graph as a file."""
        return vector_fst(self.nodes, self.arcs, self.finals)
