"""The training loop: epochs, a checkpoint after each, and finally the best epoch's weights."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from numpy.random import Generator, default_rng
from torch import Tensor

from rjcma.fusion.network import Network
from rjcma.jobs.progress import say
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
    """The result of training."""

    history: list[Epoch]
    best: Epoch
    """The epoch that gave the network its final weights."""


class Trainer:
    """Trains a network on windows; `name` is the run's name in messages."""

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
        self.network: Network = processes.synchronised(network).to(processes.device)  # type: ignore[assignment]
        if settings.compile:
            self.network.fusion.compile()
        self.unfreezing = Unfreezing(self.network, random_encoders)
        self.schedule = Schedule(settings, self.unfreezing.groups)
        self.unfreezing.release(self.schedule.released)
        self.crop_size = crop_size(self.network)
        self.optimizer = processes.accelerator.prepare(_adam(self.network, settings))
        self.history: list[Epoch] = []
        self.best = 0
        self.best_weights: dict[str, Tensor] = {}
        self.waiting_seconds = self.step_seconds = 0.0
        """Of the last epoch: the time spent waiting for data, and the time of all steps."""

    def fit(
        self,
        parts: Parts,
        checkpoint: Checkpoint | None = None,
        on_epoch: Callable[[Epoch], None] = lambda epoch: None,
    ) -> Fitted:
        """Train until the schedule stops training, then load the best epoch's weights.

        Epochs that the checkpoint holds are not trained again. `on_epoch` is called with every
        epoch, including those. Raises `Problem`, with run, epoch and batch, if the loss is not
        finite; the checkpoint then holds the last finished epoch.
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
                if self.processes.is_main:
                    checkpoint.save(self._state())
        self._say(f"ended after {len(self.history)} epochs: {self.schedule.over}")
        self.network.load_state_dict(self.best_weights)
        return Fitted(self.history, self.history[self.best - 1])

    def predict(self, clips: Sequence[ClipData], loader: Loader | None = None) -> dict[str, Series]:
        """Predictions (T,) by clip, with the current weights; `loader` if given, reads data."""
        share, size = self.processes.share(clips), self.settings.batch
        with self.processes.accelerator.autocast(), ExitStack() as stack:
            loader = loader or stack.enter_context(self._loader(clips))
            predictions = predict(self.network, share, self.windows, size, loader)
        return self.processes.gathered(predictions)

    def epoch(self, number: int, loader: Loader, train: Sequence[ClipData]) -> tuple[float, int]:
        """Train one epoch -> the mean loss per window, and the number of windows left out.

        All random numbers come from generators seeded with the seed and the epoch's number.
        """
        generator = default_rng([self.settings.seed, number])
        torch.manual_seed(int(generator.integers(2**62)) + self.processes.rank)
        windows, left_out = epoch_windows(train, self.windows, generator)
        if not windows:
            raise self._problem(
                f"{left_out} training windows, none with two labelled frames",
                "at least one window with two labelled frames",
                "annotate more frames, or raise windows.frames",
            )
        groups = list(batches(windows, self.settings.batch))
        self.unfreezing.train()
        began, waited = time.monotonic(), loader.waited
        loss = self._pass(number, groups, loader, generator)
        self.step_seconds = time.monotonic() - began
        self.waiting_seconds = loader.waited - waited
        return loss, left_out

    def _loader(self, clips: Sequence[ClipData]) -> Loader:
        return Loader(clips, self.windows.frames, self.processes.device)

    def _train_epoch(self, parts: Parts, loader: Loader) -> None:
        """One epoch: training steps, the CCC of the selection clips, what the schedule decides."""
        began, number, peak = time.monotonic(), len(self.history) + 1, self.schedule.peak_rate
        released = self.schedule.released
        loss, left_out = self.epoch(number, loader, parts.training)
        self.processes.average(self.network.buffers())
        ccc = score(self.predict(parts.selection, loader), parts.selection)
        self.history.append(Epoch(number, loss, ccc, peak, released))
        if self.schedule.take(ccc):
            self.best, self.best_weights = number, copied(self.network)
        elif self.settings.reload or self.schedule.released > released:
            self.network.load_state_dict(self.best_weights)
        if self.schedule.released > released:
            self.unfreezing.release(self.schedule.released)
            self.optimizer.state.clear()  # Adam's moments are those of the last release step
        self._say_epoch(left_out, time.monotonic() - began)

    def _pass(
        self,
        number: int,
        groups: Sequence[Sequence[ClipWindow]],
        loader: Loader,
        generator: Generator,
    ) -> float:
        """All steps of an epoch -> the mean loss per window.

        Each loss is read one step later, when the next step is already waiting for the device.
        """
        total, previous = 0.0, None
        shares = [self._share(group) for group in groups]
        for step, inputs in enumerate(loader.load(shares)):
            augmentation = np.array(self._share(list(augmentations(len(groups[step]), generator))))
            rate = self.schedule.learning_rate(step, len(groups))
            loss = self._step(inputs, len(groups[step]), rate, augmentation)
            total += 0.0 if previous is None else self._checked(number, *previous)
            previous = step, groups[step], loss
        assert previous is not None
        return (total + self._checked(number, *previous)) / sum(map(len, groups))

    def _share(self, windows: Sequence[T]) -> Sequence[T]:
        """This process's share of a batch.

        If it is empty, the first window, with weight 0, so that all processes make the same steps.
        """
        share = self.processes.share(windows)
        return share if len(share) else windows[:1]

    def _step(
        self, inputs: Batch, windows: int, rate: float, augmentation: Augmentations
    ) -> Tensor:
        """One optimizer step, on a batch with this number of windows -> the sum of their losses."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["factor"]
        accelerator = self.processes.accelerator
        with accelerator.autocast():
            outputs = self.network(inputs.values(self.crop_size, augmentation), inputs.valid)
        loss = concordance_losses(outputs.float(), inputs.truth).sum()
        loss = loss * (self.processes.rank < windows)
        self.optimizer.zero_grad(set_to_none=True)
        accelerator.backward(loss / windows)
        self.processes.add_gradients(self.network)
        accelerator.clip_grad_norm_(self.network.parameters(), self.settings.clip_norm)
        self.optimizer.step()
        return self.processes.total(loss.detach())

    def _checked(self, epoch: int, step: int, windows: Sequence[ClipWindow], loss: Tensor) -> float:
        """The loss of a step as a number; raises `Problem` if it is not finite."""
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
        self.unfreezing.release(self.schedule.released)
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
        share = self.waiting_seconds / max(self.step_seconds, 1e-9)
        line += f" ({share:.0%} of the training time waiting for data)"
        line += f", {left_out} windows without labels left out" if left_out else ""
        self._say(line)

    def _say(self, line: str) -> None:
        if self.processes.is_main:
            say(f"{self.name}: {line}")

    def _problem(self, found: str, expected: str, cure: str) -> Problem:
        return Problem(file=self.name, found=found, expected=expected, cure=cure)


def copied(network: Network) -> dict[str, Tensor]:
    """A copy of the network's current weights."""
    return {name: value.detach().clone() for name, value in network.state_dict().items()}


def _adam(network: Network, settings: Training) -> torch.optim.Adam:
    """Adam over all weights; it skips those that are not released, since they have no gradient."""
    temporal = network.fusion.temporal_weights()
    temporal_ids = {id(weight) for weight in temporal}
    other = [weight for weight in network.parameters() if id(weight) not in temporal_ids]
    return torch.optim.Adam(
        [{"params": other, "factor": 1.0}]
        + [{"params": temporal, "factor": settings.temporal_lr_factor}],
        settings.learning_rate,
        weight_decay=settings.weight_decay,
    )
