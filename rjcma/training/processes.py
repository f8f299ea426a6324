"""The processes that train one network: a single one, or those that `accelerate launch` started.

Each process takes a share of every batch's windows. Their gradients are added before each step, so
all processes make the same steps as one process would. One exception: on a CPU, the batch norms in
training use the statistics of each process's own windows; on GPUs they use those of all windows.
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
    """This process, and its communication with the other processes of the run."""

    def __init__(self, settings: Training) -> None:
        """Raises `Problem` if the device or the precision is not available."""
        chosen = _device(settings)
        torch.set_float32_matmul_precision("high" if settings.precision == "tf32" else "highest")
        torch.backends.cudnn.allow_tf32 = settings.precision == "tf32"
        # An earlier run in this process may have used another device and precision.
        AcceleratorState._reset_state(reset_partial_state=True)
        os.environ.pop("ACCELERATE_TORCH_DEVICE", None)
        if chosen.index is not None:
            os.environ["ACCELERATE_TORCH_DEVICE"] = str(chosen)
        mixed = MIXED[settings.precision]
        self.accelerator = Accelerator(mixed_precision=mixed, cpu=chosen.type == "cpu")
        self.device: torch.device = self.accelerator.device
        self.count: int = self.accelerator.num_processes
        self.rank: int = self.accelerator.process_index

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes files and messages."""
        return self.rank == 0

    def share(self, items: Sequence[T]) -> Sequence[T]:
        """This process's share of the items; it may be empty. Each item is in one share only."""
        return items[self.rank :: self.count]

    def gathered(self, part: Mapping[str, T]) -> dict[str, T]:
        """The parts of all processes, merged."""
        if self.count == 1:
            return dict(part)
        return {k: v for each in gather_object([dict(part)]) for k, v in each.items()}

    def total(self, value: Tensor) -> Tensor:
        """The sum of all processes' values."""
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

    def average(self, buffers: Iterable[Tensor]) -> None:
        """Replace each buffer (a batch norm's statistics) by its mean over all processes."""
        if self.count > 1:
            for buffer in buffers:
                if buffer.is_floating_point():
                    buffer.copy_(self.accelerator.reduce(buffer, "mean"))

    def synchronised(self, network: nn.Module) -> nn.Module:
        """The network; with several GPUs, its batch norms use statistics over all windows."""
        if self.count > 1 and self.device.type == "cuda":
            return nn.SyncBatchNorm.convert_sync_batchnorm(network)
        return network


def _device(settings: Training) -> torch.device:
    """The device that the settings name, if every launched process has one."""
    chosen = device.choose(settings.device, "training.device")
    launched, local = int(os.environ.get("WORLD_SIZE", 1)), int(os.environ.get("LOCAL_RANK", 0))
    gpus = torch.cuda.device_count()
    if chosen.type == "cuda" and launched > 1 and (local >= gpus or chosen.index is not None):
        raise Problem(
            file="accelerate launch",
            found=f"process {local} of {launched} on a machine with {gpus} GPUs, "
            f"training.device {settings.device}",
            expected="a GPU for each process, and a training.device without a GPU's number",
            cure=f"launch with --num_processes {max(gpus, 1)} and set training.device to auto",
        )
    if settings.precision == "fp16" and chosen.type == "cpu":
        raise Problem(
            file="training.precision",
            found="fp16 on a CPU",
            expected="fp32 or bf16 on a CPU",
            cure="set training.precision to fp32, or training.device to a GPU",
        )
    return chosen
