"""The processes that train one network together: one, or as many as `accelerate launch` started.

Each takes its share of every batch's windows. Their gradients are added up before each step, so
all make the same steps, and those that one process alone would make; but batch norms that are
trained see all windows on GPUs only, and on a CPU each process's own.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import gather_object
from torch import Tensor, nn

from rjcma import device
from rjcma.problem import Problem
from rjcma.training.settings import Training

T = TypeVar("T")

MIXED = {"fp32": "no", "tf32": "no", "bf16": "bf16", "fp16": "fp16"}


class Processes:
    """This process among those of the run."""

    def __init__(self, settings: Training) -> None:
        """Raises `Problem` for a device or a precision that is not here."""
        where = _device(settings)
        torch.set_float32_matmul_precision("high" if settings.precision == "tf32" else "highest")
        torch.backends.cudnn.allow_tf32 = settings.precision == "tf32"
        # An earlier run of this process may have had another device and precision.
        AcceleratorState._reset_state(reset_partial_state=True)
        os.environ.pop("ACCELERATE_TORCH_DEVICE", None)
        if where.index is not None:
            os.environ["ACCELERATE_TORCH_DEVICE"] = str(where)
        mixed = MIXED[settings.precision]
        self.accelerator = Accelerator(mixed_precision=mixed, cpu=where.type == "cpu")
        self.device: torch.device = self.accelerator.device
        self.count: int = self.accelerator.num_processes
        self.rank: int = self.accelerator.process_index

    @property
    def first(self) -> bool:
        """Whether this is the one that writes and speaks."""
        return self.rank == 0

    def share(self, items: Sequence[T]) -> Sequence[T]:
        """This process's part of the items, none twice; it may be empty."""
        return items[self.rank :: self.count]

    def gathered(self, part: Mapping[str, T]) -> dict[str, T]:
        """The parts of all processes in one."""
        if self.count == 1:
            return dict(part)
        return {k: v for each in gather_object([dict(part)]) for k, v in each.items()}

    def total(self, value: Tensor) -> Tensor:
        """The sum of every process's value."""
        return self.accelerator.reduce(value, "sum") if self.count > 1 else value

    def add_gradients(self, network: nn.Module) -> None:
        """Give each trained weight the sum of all processes' gradients."""
        if self.count == 1:
            return
        trained = [weight for weight in network.parameters() if weight.requires_grad]
        gradients = [torch.zeros_like(w) if w.grad is None else w.grad for w in trained]
        total = self.total(torch.cat([gradient.flatten() for gradient in gradients]))
        for weight, gradient in zip(trained, total.split([w.numel() for w in trained])):
            weight.grad = gradient.view_as(weight)

    def agree(self, buffers: Iterable[Tensor]) -> None:
        """Give each buffer (a batch norm's statistics) the mean of all processes'."""
        if self.count > 1:
            for buffer in buffers:
                if buffer.is_floating_point():
                    buffer.copy_(self.accelerator.reduce(buffer, "mean"))

    def together(self, network: nn.Module) -> nn.Module:
        """The network whose batch norms take their statistics over all GPUs' windows."""
        if self.count > 1 and self.device.type == "cuda":
            return nn.SyncBatchNorm.convert_sync_batchnorm(network)
        return network


def _device(settings: Training) -> torch.device:
    """The device that the settings name, when it is here for every process that was launched."""
    where = device.choose(settings.device, "training.device")
    launched, local = int(os.environ.get("WORLD_SIZE", 1)), int(os.environ.get("LOCAL_RANK", 0))
    here = torch.cuda.device_count()
    if where.type == "cuda" and launched > 1 and (local >= here or where.index is not None):
        raise Problem(
            file="accelerate launch",
            found=f"process {local} of {launched} on a machine with {here} GPUs, "
            f"training.device {settings.device}",
            expected="a GPU for each process, and a training.device that names none of them",
            cure=f"launch with --num_processes {max(here, 1)} and training.device: auto",
        )
    if settings.precision == "fp16" and where.type == "cpu":
        raise Problem(
            file="training.precision",
            found="fp16 on a CPU",
            expected="fp32 or bf16 there",
            cure="set training.precision to fp32, or training.device to a GPU",
        )
    return where
