"""The training loop: epochs of windows, checkpoints between them, and the best epoch's weights."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from numpy.random import Generator, default_rng
from torch import Tensor

from rjcma.fusion.network import Network
from rjcma.problem import Problem
from rjcma.training.batches import Batch, batches
from rjcma.training.checkpoint import Checkpoint
from rjcma.training.clip_data import ClipData
from rjcma.training.epoch_windows import epoch_windows
from rjcma.training.history import Epoch
from rjcma.training.loader import Loader
from rjcma.training.loss import concordance_losses
from rjcma.training.network import crop_size
from rjcma.training.predict import Series, predict, score
from rjcma.training.processes import Processes
from rjcma.training.schedule import Schedule
from rjcma.training.selection import Parts
from rjcma.training.settings import Training
from rjcma.training.unfreezing import Unfreezing
from rjcma.training.windows import ClipWindow, Windows
from rjcma.vision.augmentation import Augmentations, augmentations

T = TypeVar("T")


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
        processes: Processes,
        name: str,
        random_encoders: Collection[str] = (),
    ) -> None:
        """`random_encoders` names the modalities whose encoders start from random weights."""
        self.processes, self.windows, self.settings, self.name = processes, windows, settings, name
        self.network: Network = processes.together(network).to(processes.device)  # type: ignore[assignment]
        if settings.compile:
            self.network.fusion.compile()
        self.unfreezing = Unfreezing(self.network, random_encoders)
        self.schedule = Schedule(settings, self.unfreezing.groups)
        self.unfreezing.to(self.schedule.released)
        self.crop_size = crop_size(self.network)
        self.optimizer = processes.accelerator.prepare(_adam(self.network, settings))
        self.history: list[Epoch] = []
        self.best = 0
        self.best_weights: dict[str, Tensor] = {}
        self.waited = self.trained = 0.0
        """Seconds of the last epoch's steps, those spent waiting for data, and all of them."""

    def fit(
        self,
        parts: Parts,
        checkpoint: Checkpoint | None = None,
        on_epoch: Callable[[Epoch], None] = lambda epoch: None,
    ) -> Fitted:
        """Train until the schedule stops training; leave the best epoch's weights.

        Where the checkpoint holds finished epochs, these are not trained again. `on_epoch` is
        called with every epoch, those too. Raises `Problem`, naming run, epoch and batch, when the
        loss is no finite number; the checkpoint then is the last finished epoch's.
        """
        checkpoint = checkpoint or Checkpoint(None, "")
        if self.processes.count > 1:
            self._say(f"{self.processes.count} processes share every batch")
        if state := checkpoint.load():
            self._resume(state)
        for epoch in self.history:
            on_epoch(epoch)
        with self._loader([*parts.training, *parts.selection]) as loader:
            while not self.schedule.over:
                self._train_epoch(parts, loader)
                on_epoch(self.history[-1])
                if self.processes.first:
                    checkpoint.save(self._state())
        self._say(f"ended after {len(self.history)} epochs: {self.schedule.over}")
        self.network.load_state_dict(self.best_weights)
        return Fitted(self.history, self.history[self.best - 1])

    def predict(self, clips: Sequence[ClipData], loader: Loader | None = None) -> dict[str, Series]:
        """Predictions (T,) by clip, with the weights as they are; read by that loader, if given."""
        part, size = self.processes.share(clips), self.settings.batch
        with self.processes.accelerator.autocast(), ExitStack() as stack:
            loader = loader or stack.enter_context(self._loader(clips))
            some = predict(self.network, part, self.windows, size, loader)
        return self.processes.gathered(some)

    def epoch(self, number: int, loader: Loader, train: Sequence[ClipData]) -> tuple[float, int]:
        """One pass over the epoch's windows -> mean loss a window, and how many were left out.

        All that is random is drawn from generators seeded by the seed and the epoch's number.
        """
        generator = default_rng([self.settings.seed, number])
        torch.manual_seed(int(generator.integers(2**62)) + self.processes.rank)
        windows, left_out = epoch_windows(train, self.windows, generator)
        if not windows:
            raise self._problem(
                f"{left_out} training windows, none with two labelled frames",
                "at least one",
                "annotate more frames, or raise windows.frames",
            )
        groups = list(batches(windows, self.settings.batch))
        self.unfreezing.train()
        began, waited = time.monotonic(), loader.waited
        loss = self._pass(number, groups, loader, generator)
        self.trained, self.waited = time.monotonic() - began, loader.waited - waited
        return loss, left_out

    def _loader(self, clips: Sequence[ClipData]) -> Loader:
        return Loader(clips, self.windows.frames, self.processes.device)

    def _train_epoch(self, parts: Parts, loader: Loader) -> None:
        """One epoch: its steps, the CCC of the clips that select, and what follows from it."""
        began, number, top = time.monotonic(), len(self.history) + 1, self.schedule.top
        released = self.schedule.released
        loss, left_out = self.epoch(number, loader, parts.training)
        self.processes.agree(self.network.buffers())
        ccc = score(self.predict(parts.selection, loader), parts.selection)
        self.history.append(Epoch(number, loss, ccc, top, released))
        if self.schedule.take(ccc):
            self.best, self.best_weights = number, copied(self.network)
        elif self.settings.reload or self.schedule.released > released:
            self.network.load_state_dict(self.best_weights)
        if self.schedule.released > released:
            self.unfreezing.to(self.schedule.released)
            self.optimizer.state.clear()  # the moments of a step that is over
        self._say_epoch(left_out, time.monotonic() - began)

    def _pass(
        self,
        number: int,
        groups: Sequence[Sequence[ClipWindow]],
        loader: Loader,
        generator: Generator,
    ) -> float:
        """All steps of an epoch -> the mean loss a window.

        A loss is looked at one step late: by then it is there, and the device never waits for it.
        """
        total, previous = 0.0, None
        mine = [self._mine(group) for group in groups]
        for step, inputs in enumerate(loader.load(mine)):
            drawn = np.array(self._mine(list(augmentations(len(groups[step]), generator))))
            rate = self.schedule.rate(step, len(groups))
            loss = self._step(inputs, len(groups[step]), rate, drawn)
            total += 0.0 if previous is None else self._looked_at(number, *previous)
            previous = step, groups[step], loss
        assert previous is not None
        return (total + self._looked_at(number, *previous)) / sum(map(len, groups))

    def _mine(self, windows: Sequence[T]) -> Sequence[T]:
        """This process's share of a batch.

        If empty, the first window with weight 0, so processes stay in step.
        """
        share = self.processes.share(windows)
        return share if len(share) else windows[:1]

    def _step(self, inputs: Batch, windows: int, rate: float, drawn: Augmentations) -> Tensor:
        """Move the weights by one batch of so many windows -> the sum of its windows' losses."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["factor"]
        accelerator = self.processes.accelerator
        with accelerator.autocast():
            outputs = self.network(inputs.values(self.crop_size, drawn), inputs.valid)
        loss = concordance_losses(outputs.float(), inputs.truth).sum()
        loss = loss * (self.processes.rank < windows)
        self.optimizer.zero_grad(set_to_none=True)
        accelerator.backward(loss / windows)
        self.processes.add_gradients(self.network)
        accelerator.clip_grad_norm_(self.network.parameters(), self.settings.clip_norm)
        self.optimizer.step()
        return self.processes.total(loss.detach())

    def _looked_at(
        self, epoch: int, step: int, windows: Sequence[ClipWindow], loss: Tensor
    ) -> float:
        value = loss.item()
        if not math.isfinite(value):
            clips = ", ".join(sorted({window.clip for window in windows}))
            raise self._problem(
                f"a loss of {value} in epoch {epoch}, batch {step + 1} (clips {clips})",
                "a finite number",
                "look for values that are not finite in these clips' features; if there are none,"
                " lower training.learning_rate",
            )
        return value

    def _state(self) -> dict[str, Any]:
        scaler = self.processes.accelerator.scaler
        return {
            "network": {} if self.settings.reload else self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": scaler.state_dict() if scaler else {},
            "schedule": self.schedule.state(),
            "history": [list(row) for row in self.history],
            "best": self.best,
            "best_weights": self.best_weights,
        }

    def _resume(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["network"] or state["best_weights"])
        self.schedule.resume(state["schedule"])
        self.unfreezing.to(self.schedule.released)
        self.optimizer.load_state_dict(state["optimizer"])
        if self.processes.accelerator.scaler:
            self.processes.accelerator.scaler.load_state_dict(state["scaler"])
        self.history, self.best = [Epoch(*row) for row in state["history"]], state["best"]
        device = self.processes.device
        self.best_weights = {k: v.to(device) for k, v in state["best_weights"].items()}
        self._say(f"goes on after epoch {len(self.history)}")

    def _say_epoch(self, left_out: int, seconds: float) -> None:
        row = self.history[-1]
        line = f"epoch {row.epoch}, loss {row.loss:.4f}, ccc {row.ccc:.4f}"
        line += f" (best: epoch {self.best}), rate {row.learning_rate:.1e}"
        groups = self.unfreezing.groups
        line += f", {row.released} of {groups} groups released" if groups > 1 else ""
        line += f", {seconds:.1f} s"
        line += f" ({self.waited / max(self.trained, 1e-9):.0%} of the steps waiting for data)"
        line += f", {left_out} windows without labels left out" if left_out else ""
        self._say(line)

    def _say(self, line: str) -> None:
        if self.processes.first:
            print(f"{self.name}: {line}", file=sys.stderr, flush=True)

    def _problem(self, found: str, expected: str, cure: str) -> Problem:
        return Problem(file=self.name, found=found, expected=expected, cure=cure)


def copied(network: Network) -> dict[str, Tensor]:
    """The network's weights as they are now, safe from further training."""
    return {name: value.detach().clone() for name, value in network.state_dict().items()}


def _adam(network: Network, settings: Training) -> torch.optim.Adam:
    """Adam over all weights: what is not released has no gradient and is passed over."""
    temporal = network.fusion.temporal_weights()
    own = {id(weight) for weight in temporal}
    others = [weight for weight in network.parameters() if id(weight) not in own]
    return torch.optim.Adam(
        [{"params": others, "factor": 1.0}]
        + [{"params": temporal, "factor": settings.temporal_lr_factor}],
        settings.learning_rate,
        weight_decay=settings.weight_decay,
    )
