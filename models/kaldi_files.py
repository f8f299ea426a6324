"""Kaldi's and OpenFst's binary files, as far as a small Vosk model needs them, from numpy arrays.

Written after the readers in kaldi (src/hmm/transition-model.cc, src/nnet3/nnet-nnet.cc,
src/matrix/compressed-matrix.cc) and openfst (fst/vector-fst.h).
"""

from __future__ import annotations

import itertools
import math
import struct
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

SILENCE = "SIL"
SIL_COST, NO_SIL_COST = 2.0, 0.15  # of a pause after a word, and of none


class Phone(NamedTuple):
    """A row of the phone table, whose ids count from 1."""

    symbol: str
    pdf: int  # the network's output for it
    place: str  # in the word: begin, internal, end, singleton; or nonword


def phone_table(names: Sequence[str]) -> list[Phone]:
    """The phones of a model whose pdfs are named, silence first.

    libvosk finds the limits of words from the phones, hence a phone has four ids by its place in
    the word; they share a pdf.
    """
    return [Phone(SILENCE, 0, "nonword")] + [
        Phone(f"{name}_{place[0].upper()}", pdf, place)
        for pdf, name in enumerate(names)
        if pdf
        for place in ("begin", "internal", "end", "singleton")
    ]


def transition_model(phones: Sequence[Phone], stay: Sequence[float]) -> bytes:
    """One HMM state per phone; phone p has the transition ids 2p - 1 (stay) and 2p (leave).

    `stay` is the probability to stay, by pdf.
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
    splice: Sequence[int]  # the frames that it sees, relative to its own


def network(layers: Sequence[Affine], inputs: int, context: int) -> bytes:
    """An nnet3 acoustic model: affine layers with ReLUs, the last with a log-softmax.

    `context` is the number of input frames that it sees on each side.
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
    nothing_counted = b"\x08" + bytes(8)
    return b"".join(
        [
            token("<ComponentName>", f"out{n}", f"<{kind}>", "<Dim>"),
            integer(size),
            *(token("<ValueAvg>"), vector(), token("<DerivAvg>"), vector()),
            *(token("<Count>"), nothing_counted, token("<OderivRms>"), vector()),
            *(token("<OderivCount>"), nothing_counted, token(f"</{kind}>")),
        ]
    )


# ---------------------------------------------------------------------------------- the pieces


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
    """Kaldi's CompressedMatrix with 16-bit values from the least to the largest."""
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


Arc = tuple[int, int, int, float, int]
"""From node, transition id, word id, cost, to node."""


class Graph:
    """HCLG: a bigram's words spelt in phones, one HMM state each. Node 0 is the start.

    history(v)  the last word was v (or <s>, the start): bigram costs leave from here
    silence(v)  a pause after v; on to history(v), or past a sentence's end to history(<s>)
    back-off    unigram costs leave from here

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
        self.arcs.append((source, 2 * id_, word, cost + leave, node))

    def _loop(self, node: int, symbol: str) -> None:
        id_ = self.phone_ids[symbol]
        cost = -math.log(self.stay[self.phones[id_ - 1].pdf])
        self.arcs.append((node, 2 * id_ - 1, 0, cost, node))

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
        self.arcs.append((end, 0, 0, NO_SIL_COST, self.history[word]))
        self._enter(end, SILENCE, 0, SIL_COST, self.silence[word])
        return (*chain[0], cost)

    def _after_a_word(self, v: str) -> None:
        """Ends, pauses and the back-off of a history."""
        lm, history, silence = self.bigram, self.history[v], self.silence[v]
        end = lm.after[v].get("</s>", lm.back_off[v] + lm.unigram["</s>"])
        self.finals[history] = 0.0 if v == "<s>" else end
        self._loop(silence, SILENCE)
        self.arcs.append((silence, 0, 0, 0.0, history))
        self.arcs.append((history, 0, 0, lm.back_off[v], self.back_off))
        if v == "<s>":
            self._enter(history, SILENCE, 0, 0.0, silence)
        else:
            self.arcs.append((silence, 0, 0, end, self.history["<s>"]))

    def fst(self) -> bytes:
        """OpenFst's binary VectorFst<StdArc>, file version 2, without symbol tables."""
        leaving: list[list[Arc]] = [[] for _ in range(self.nodes)]
        for arc in sorted(self.arcs):
            leaving[arc[0]].append(arc)
        magic, version, expanded_and_mutable, start = 2125659606, 2, 0x3, 0
        counts = self.nodes, len(self.arcs)
        kinds = 6, b"vector", 8, b"standard"
        header = (magic, *kinds, version, 0, expanded_and_mutable, start, *counts)
        out = [struct.pack("<ii6si8siiQqqq", *header)]
        for node, arcs in enumerate(leaving):
            out.append(struct.pack("<fq", self.finals.get(node, math.inf), len(arcs)))
            out += [struct.pack("<iifi", *arc[1:]) for arc in arcs]
        return b"".join(out)
