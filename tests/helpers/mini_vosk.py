"""A Vosk model of 13 kB, computed rather than trained, for the real libvosk.

It knows three words: `low`, a sound whose energy lies below about 0.9 kHz; `high`, one above it;
and `[unk]`, one with energy in both bands, such as white noise. Below about -55 dBFS all is
silence. A word lasts at least 90 ms ([unk] 150 ms), and one sound without a break is one word.
Sounds with exact times are easy to make, so the model shows how exact the times of words are.

All parts of a real model are used: MFCC, nnet3 network, decoding graph, lattice, word alignment,
end of utterance after half a second of silence. The network's weights are computed:

    mel        24 log energies: the inverse of the MFCC's cosine transform
    low, high, all   log of the summed energies of the lower bins, of the upper, of all
                     (x[0] - logsoftmax(x)[0] is logsumexp(x))
    v = clip(all - LOUD)   loudness        u = clip((high - low - 1) / 2)   tilt
    SIL: -v     low: v - u     high: v + u     [unk]: v + 1.5      then a log-softmax
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import places

sys.path.append(str(places.ROOT / "models"))
from kaldi_files import Arc, mfcc_conf, model_conf, vector_fst
from model_script import write_files

MELS, LOW_HZ, HIGH_HZ, SPLIT_HZ = 24, 20.0, 7600.0, 900.0
LOUD = 19.0  # log energy where v is 0, of a tone at about -50 dBFS
CLIP = 4.0
NOISE_BONUS = 1.5
WORD_COST, STAY_COST, STEP_COST = 6.0, 0.02, 0.1  # in the graph
STAY, STEP = 0, 1  # a state's two transitions, in the order of the topology


class Phone(NamedTuple):
    """A phone of the model and the word that it forms alone; None for silence."""

    name: str
    states: int  # of its HMM: the least number of 30 ms frames it takes
    word: str | None


PHONES = [Phone("SIL", 1, None), Phone("LOW", 3, "low")]
PHONES += [Phone("HIGH", 3, "high"), Phone("NSN", 5, "[unk]")]
WORDS = ("<eps>", "low", "high", "[unk]", "#0", "<s>", "</s>")

MFCC_CONF = mfcc_conf(16000, MELS, LOW_HZ, HIGH_HZ, more="--preemphasis-coefficient=0\n")
MODEL_CONF = model_conf(beam=15.0, lattice_beam=4.0)


def build(folder: Path) -> Path:
    """Write the model; -> its folder."""
    boundaries = [f"{i} {'singleton' if p.word else 'nonword'}\n" for i, p in enumerate(PHONES, 1)]
    files = {
        "conf/mfcc.conf": MFCC_CONF,
        "conf/model.conf": MODEL_CONF,
        "am/final.mdl": _transition_model() + _network(),
        "graph/words.txt": "".join(f"{word} {i}\n" for i, word in enumerate(WORDS)),
        "graph/phones/word_boundary.int": "".join(boundaries),
        "graph/HCLG.fst": _graph(),
    }
    write_files(folder, files)
    return folder


def _transitions() -> list[list[tuple[int, int]]]:
    """The numbers of each phone's and state's transitions (stay, step), counted from 1."""
    numbers = iter(range(1, 1000))
    return [[(next(numbers), next(numbers)) for _ in range(phone.states)] for phone in PHONES]


def _transition_model() -> str:
    """Kaldi's TransitionModel as text: HMMs that stay and step with equal probability."""
    topology = "".join(_topology(number, phone) for number, phone in enumerate(PHONES, 1))
    triples = [
        f"{number} {state} {number - 1} \n"
        for number, phone in enumerate(PHONES, 1)
        for state in range(phone.states)
    ]
    log_probs = _vector([0.0] + 2 * len(triples) * [math.log(0.5)])
    return (
        f"<TransitionModel> \n<Topology> \n{topology}</Topology> \n"
        f"<Triples> {len(triples)} \n{''.join(triples)}</Triples> \n"
        f"<LogProbs> \n{log_probs}</LogProbs> \n</TransitionModel> \n"
    )


def _topology(number: int, phone: Phone) -> str:
    states = "".join(
        f"<State> {state} <PdfClass> 0 "
        f"<Transition> {state} 0.5 <Transition> {state + 1} 0.5 </State> \n"
        for state in range(phone.states)
    )
    last = f"<State> {phone.states} </State> \n"
    head = f"<TopologyEntry> \n<ForPhones> \n{number} \n</ForPhones> \n"
    return f"{head}{states}{last}</TopologyEntry> \n"


def _network() -> str:
    """Kaldi's nnet3 network as text; the module's docstring says what it computes."""
    low = _low_bins()
    parts = {
        "idct": _affine(_inverse_dct(), np.zeros(MELS)),
        "lsm_low": _nonlinear("LogSoftmaxComponent", low),
        "lsm_high": _nonlinear("LogSoftmaxComponent", MELS - low),
        "lsm_all": _nonlinear("LogSoftmaxComponent", MELS),
        "evidence": _evidence(low),
        "relu": _nonlinear("RectifiedLinearComponent", 4),
        "logits": _logits(),
        "logpost": _nonlinear("LogSoftmaxComponent", len(PHONES)),
    }
    config = f"""\
input-node name=input dim={MELS}
component-node name=mel component=idct input=input
dim-range-node name=low_band input-node=mel dim-offset=0 dim={low}
dim-range-node name=high_band input-node=mel dim-offset={low} dim={MELS - low}
component-node name=low component=lsm_low input=low_band
component-node name=high component=lsm_high input=high_band
component-node name=all component=lsm_all input=mel
component-node name=evidence component=evidence input=Append(mel, low, high, all)
component-node name=clip component=relu input=evidence
component-node name=logits component=logits input=clip
component-node name=logpost component=logpost input=logits
output-node name=output input=logpost objective=linear
"""
    components = "".join(f"<ComponentName> {name} {text}\n" for name, text in parts.items())
    return (
        f"<Nnet3> \n{config}\n<NumComponents> {len(parts)} \n{components}"
        "</Nnet3> <LeftContext> 0 <RightContext> 0 <Priors>  [ ]\n"
    )


def _inverse_dct() -> np.ndarray:
    """The inverse of Kaldi's cosine transform, which is orthonormal: its transpose."""
    k, i = np.meshgrid(np.arange(MELS), np.arange(MELS), indexing="ij")
    dct = np.sqrt(2 / MELS) * np.cos(np.pi / MELS * (i + 0.5) * k)
    dct[0] = np.sqrt(1 / MELS)
    return dct.T


def _low_bins() -> int:
    """How many mel bins are centred below SPLIT_HZ."""
    low, split, high = (1127 * math.log(1 + hz / 700) for hz in (LOW_HZ, SPLIT_HZ, HIGH_HZ))
    centres = np.linspace(low, high, MELS + 2)[1:-1]
    return int((centres < split).sum())


def _evidence(low: int) -> str:
    """(mel, low, high, all) -> v + CLIP, v - CLIP, u + CLIP, u - CLIP."""

    def summed(first_mel: int, first_softmax: int) -> np.ndarray:
        row = np.zeros(3 * MELS)
        row[first_mel], row[first_softmax] = 1, -1
        return row

    loudness = summed(0, 2 * MELS)
    tilt = (summed(low, MELS + low) - summed(0, MELS)) / 2
    bias = [CLIP - LOUD, -CLIP - LOUD, CLIP - 0.5, -CLIP - 0.5]
    return _affine([loudness, loudness, tilt, tilt], bias)


def _logits() -> str:
    """After the ReLUs clip(x) is relu(x + CLIP) - relu(x - CLIP) - CLIP."""
    v, u = np.array([1, -1, 0, 0]), np.array([0, 0, 1, -1])
    return _affine([-v, v - u, v + u, v], [CLIP, 0, -2 * CLIP, NOISE_BONUS - CLIP])


def _affine(weights: object, bias: object) -> str:
    rows = "".join("\n  " + _numbers(row) for row in np.asarray(weights))
    return (
        f"<FixedAffineComponent> <LinearParams>  [{rows} ]\n"
        f"<BiasParams> {_vector(bias)}</FixedAffineComponent> \n"
    )


def _nonlinear(kind: str, size: int) -> str:
    return (
        f"<{kind}> <Dim> {size} <ValueAvg>  [ ]\n<DerivAvg>  [ ]\n"
        f"<Count> 0 <OderivRms>  [ ]\n<OderivCount> 0 </{kind}> \n"
    )


def _vector(values: object) -> str:
    return f" [ {_numbers(values)} ]\n"


def _numbers(values: object) -> str:
    return " ".join(f"{value:.9g}" for value in np.asarray(values, np.float64))


def _graph() -> bytes:
    """The decoding graph: any words in any order; between equal words there must be silence.

    Node 0 is the start, node 1 silence; a word is a chain of nodes, one per state. As in Kaldi's
    graphs, a state's step is taken on entering its node, and its stays follow there.
    """
    (silence,) = _transitions()[0]
    arcs = [Arc(0, silence[STEP], 0, STEP_COST, 1), Arc(1, silence[STAY], 0, STAY_COST, 1)]
    chains, nodes = [range(1, 2)], 2
    for phone in PHONES[1:]:
        chains.append(range(nodes, nodes + phone.states))
        nodes += phone.states
    for number, chain in enumerate(chains[1:], 1):
        before = [0, *(other[-1] for other in chains if other != chain)]
        arcs += _word_arcs(number, chain, before)
        arcs.append(Arc(chain[-1], silence[STEP], 0, STEP_COST, 1))
    return vector_fst(nodes, arcs, finals={chain[-1]: 0.0 for chain in chains})


def _word_arcs(number: int, chain: range, before: list[int]) -> list[Arc]:
    """The arcs into and along the chain of one phone's word, which may follow certain nodes."""
    word, states = WORDS.index(PHONES[number].word or ""), _transitions()[number]
    stays = [Arc(node, stay, 0, STAY_COST, node) for node, (stay, _) in zip(chain, states)]
    steps = [
        Arc(node - 1, step, 0, STEP_COST, node) for node, (_, step) in zip(chain[1:], states[1:])
    ]
    return (
        stays + steps + [Arc(node, states[0][STEP], word, WORD_COST, chain[0]) for node in before]
    )
