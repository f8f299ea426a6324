"""Section `training` of the params file (paper, section 4.2.2)."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from rjcma.params import NotKeyed, Section

Seconds = Annotated[float, Field(ge=0, le=60)]


class Training(Section):
    """Adam on 1 - CCC. Encoders are released in groups; the learning rate rises, then falls."""

    seed: int = Field(1, ge=0)
    """For weights, windows, augmentation and dropout; nothing else is random. Each target and fold
    has its own seed, computed from this one (`rjcma.training.seeds`)."""
    device: Annotated[str, NotKeyed] = "auto"
    """auto, cpu, cuda, cuda:1 …; with `accelerate launch` each process uses its own GPU."""
    precision: Literal["fp32", "tf32", "bf16", "fp16"] = "fp32"
    """Of the products in forward and backward passes. Weights, loss and statistics are always
    float32. fp32 gives the reference results; the others are faster on a GPU."""
    compile: bool = False
    """Whether torch.compile compiles the fusion. It launches fewer kernels, needs a compiler, and
    changes rounding."""
    threads: int | None = Field(default=None, ge=1)
    """CPU threads; with null, torch uses all cores. Their number changes the rounding of sums, so
    results depend on it. Small networks gain little from a second thread, and are much slower with
    it on a machine that others use too."""
    batch: int = Field(12, ge=1)
    """Windows per step (the paper's), in total over all processes."""
    epochs: int = Field(100, ge=1)
    """The maximum number of epochs (the paper's)."""
    learning_rate: float = Field(1e-5, gt=0)
    """Adam's learning rate at the start of each release step (the paper's)."""
    temporal_lr_factor: float = Field(1.0, gt=0, le=1)
    """Factor on the learning rate of the fusion's K x K weights (1: the paper). Adam changes every
    weight by about the learning rate, and the changes of these weights add up over K frames. With a
    high learning rate they soon exceed the initial values, and recursions amplify this; a factor of
    about 1 / K prevents it (ours)."""
    min_learning_rate: float = Field(1e-8, gt=0)
    """A release step ends when the learning rate falls below this (the paper's)."""
    warmup: int = Field(5, ge=0)
    """Number of epochs at the start of each release step; within each of them, the learning rate
    rises linearly from 0 (the paper's)."""
    patience: int = Field(5, ge=1)
    """Epochs without a better validation CCC before the learning rate falls (the paper's)."""
    lr_decay: float = Field(0.1, gt=0, lt=1)
    """The factor by which the learning rate falls (the paper's)."""
    early_stop: int | None = Field(50, ge=1)
    """Epochs without a better validation CCC before training stops (ours; the paper stops early but
    does not say when). With null, only `min_learning_rate` and `epochs` stop it."""
    reload: bool = True
    """Whether the best weights so far are loaded after each epoch (the paper). If not, they are
    loaded only before a release and at the end."""
    weight_decay: float = Field(1e-3, ge=0)
    """Adam's weight decay (the paper's)."""
    clip_norm: float = Field(1.0, gt=0)
    """Maximum norm of a step's gradient, which is clipped to it (ours)."""
    select_by: Literal["validation", "held_out"] = "validation"
    """The clips whose CCC selects the best epoch and drives learning rate and releases. validation:
    the fold's validation clips (the paper); the reported CCC is then optimistic, since the same
    clips selected the epoch. held_out: every fourth training video, which is then not trained on
    (ours); the reported CCC is not optimistic, as comparisons between methods require."""
    delay: Seconds | dict[str, Seconds] | Literal["best"] = 0.0
    """Seconds by which annotations lag behind what they rate, for all targets or by target; best:
    the delay that fits the training clips best (`rjcma.training.delay`). Training uses labels that
    were given so much later; predictions are shifted back. The epoch's CCC, which selects, is that
    of the shifted labels; the reported CCC is that of the labels as they were given."""
    permute_labels: bool = False
    """Whether the training clips exchange their labels (ours). This is a control: the CCC on the
    validation clips should be about 0."""

    renamed: ClassVar[dict[str, str]] = {
        "rate": "training.learning_rate",
        "frame_rate": "training.temporal_lr_factor",
        "min_rate": "training.min_learning_rate",
        "factor": "training.lr_decay",
        "max_gradient": "training.clip_norm",
        "choose_by": "training.select_by",
        "labels": "training.permute_labels, true or false",
    }

    @model_validator(mode="after")
    def _above_minimum(self) -> Training:
        if self.learning_rate < self.min_learning_rate:
            raise ValueError(
                f"a learning_rate of at least min_learning_rate, {self.min_learning_rate}"
            )
        return self
