"""The training loop: epochs of windows, and the weights of the best one."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from rjcma.fusion.network import Network
from rjcma.problem import Problem
from rjcma.training.data import Batch, Piece, batch, batches
from rjcma.training.loss import concordance_loss
from rjcma.training.predict import Series, predict, score
from rjcma.training.schedule import Plateau
from rjcma.training.settings import Training
from rjcma.training.sources import Source
from rjcma.training.windows import Window, Windows, fixed, random


class Epoch(NamedTuple):
    """A row of history.csv: mean training loss, validation CCC, learning rate."""

    epoch: int
    loss: float
    ccc: float
    rate: float


class Fitted(NamedTuple):
    """What training found."""

    history: list[Epoch]
    best: Epoch
    """The epoch whose weights the network has now."""


class Trainer:
    """A network in training, on windows of these settings; `name` stands in what is said of it."""

    def __init__(
        self,
        network: Network,
        windows: Windows,
        settings: Training,
        device: torch.device,
        name: str,
    ) -> None:
        self.network, self.windows, self.settings = network, windows, settings
        self.device, self.name = device, name
        frame_weights = network.fusion.frame_weights()
        own = {id(weight) for weight in frame_weights}
        others = [weight for weight in network.parameters() if id(weight) not in own]
        self.optimizer = torch.optim.Adam(
            [{"params": others, "factor": 1.0}]
            + [{"params": frame_weights, "factor": settings.frame_rate}],
            settings.rate,
            weight_decay=settings.weight_decay,
        )

    def fit(self, train: Sequence[Source], validation: Sequence[Source]) -> Fitted:
        """Train until the schedule or the limit of epochs ends it; leave the best epoch's weights.

        Raises `Problem`, naming run, epoch and batch, when the loss is no finite number.
        """
        schedule, history, best, weights = Plateau(self.settings), list[Epoch](), 0, {}
        while len(history) < self.settings.epochs and not schedule.over:
            began, number = time.monotonic(), len(history) + 1
            loss, left_out = self.epoch(number, schedule.rate, train)
            ccc = score(self.predict(validation), validation)
            history.append(Epoch(number, loss, ccc, schedule.rate))
            if schedule.step(ccc):
                best, weights = number, copied(self.network)
            self._say(history[-1], best, left_out, time.monotonic() - began)
        self.network.load_state_dict(weights)
        return Fitted(history, history[best - 1])

    def epoch(self, number: int, rate: float, train: Sequence[Source]) -> tuple[float, int]:
        """One pass over the epoch's windows -> mean loss a window, and how many were left out.

        All that is random is drawn from generators seeded by the seed and the epoch's number.
        """
        generator = np.random.default_rng([self.settings.seed, number])
        torch.manual_seed(int(generator.integers(2**62)))
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["factor"]
        pieces, left_out = drawn(train, self.windows, generator)
        if not pieces:
            raise self._problem(
                f"{left_out} training windows, none with two labelled frames",
                "at least one",
                "annotate more frames, or raise windows.frames",
            )
        self.network.train()
        total = 0.0
        for count, some in enumerate(batches(pieces, self.settings.batch), 1):
            loss = self._step(batch(some, self.windows.frames).to(self.device), generator)
            if not math.isfinite(loss):
                raise self._spoilt(loss, number, count, some)
            total += loss * len(some)
        return total / len(pieces), left_out

    def predict(self, sources: Sequence[Source]) -> dict[str, Series]:
        """Predictions (T,) by clip, with the weights as they are."""
        return predict(self.network, sources, self.windows, self.settings.batch, self.device)

    def _step(self, inputs: Batch, generator: np.random.Generator) -> float:
        """Move the weights by one batch; -> its loss. One that is not finite moves nothing."""
        outputs = self.network(inputs.values(generator), inputs.valid)
        loss = concordance_loss(outputs, inputs.truth)
        if loss.isfinite():
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            clip_grad_norm_(self.network.parameters(), self.settings.max_gradient)
            self.optimizer.step()
        return loss.item()

    def _say(self, row: Epoch, best: int, left_out: int, seconds: float) -> None:
        line = f"{self.name}: epoch {row.epoch}, loss {row.loss:.4f}, ccc {row.ccc:.4f}"
        line += f" (best: epoch {best}), rate {row.rate:.1e}, {seconds:.1f} s"
        line += f", {left_out} windows without labels left out" if left_out else ""
        print(line, file=sys.stderr, flush=True)

    def _spoilt(self, loss: float, epoch: int, step: int, pieces: Sequence[Piece]) -> Problem:
        clips = ", ".join(sorted({piece.source.clip.name for piece in pieces}))
        return self._problem(
            f"a loss of {loss} in epoch {epoch}, batch {step} (clips {clips})",
            "a finite number",
            "look for values that are not finite in these clips' features; if there are none,"
            " lower training.rate",
        )

    def _problem(self, found: str, expected: str, cure: str) -> Problem:
        return Problem(file=self.name, found=found, expected=expected, cure=cure)


def drawn(
    sources: Sequence[Source], windows: Windows, generator: np.random.Generator
) -> tuple[list[Piece], int]:
    """An epoch's training windows, shuffled, and how many were left out for want of labels.

    A window needs two labelled frames, since there is no CCC of one.

    Where random windows happen to miss every label, fixed ones, which reach all frames, are taken.
    """
    cut = [fixed(source.clip.frames, windows) for source in sources]
    if windows.offsets == "random":
        places = [random(source.clip.frames, windows, generator) for source in sources]
        pieces = _labelled(sources, places) or _labelled(sources, cut)
    else:
        pieces = _labelled(sources, cut)
    order = generator.permutation(len(pieces))
    return [pieces[n] for n in order], sum(map(len, cut)) - len(pieces)


def copied(network: Network) -> dict[str, Tensor]:
    """The network's weights as they are now, safe from further training."""
    return {name: value.detach().clone() for name, value in network.state_dict().items()}


def _labelled(sources: Sequence[Source], windows: Sequence[Sequence[Window]]) -> list[Piece]:
    pieces = [Piece(s, window) for s, some in zip(sources, windows, strict=True) for window in some]
    return [piece for piece in pieces if piece.source.labelled[slice(*piece.window)].sum() > 1]
