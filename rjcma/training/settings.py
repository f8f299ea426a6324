"""Section `training` of the params file: how the weights are found (paper, section 4.2.2)."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from rjcma.params import NotKeyed, Section


class Training(Section):
    """Adam on 1 - CCC; encoders released group by group; a rate that warms up, then falls."""

    seed: int = Field(1, ge=0)
    """Of weights, windows, augmentation and dropout; nothing else is random. Each target and fold
    draws its own from it (`rjcma.training.seeds`)."""
    device: Annotated[str, NotKeyed] = "auto"
    """auto, cpu, cuda, cuda:1 …; with `accelerate launch` each process takes a GPU of its own."""
    precision: Literal["fp32", "tf32", "bf16", "fp16"] = "fp32"
    """Of the forward and backward products. Weights, loss and statistics are always float32.
    Reference results are fp32's; the others are for speed on a GPU."""
    compile: bool = False
    """Whether the fusion goes through torch.compile: fewer kernels to launch, and a compiler is
    needed. It changes rounding."""
    threads: int | None = Field(default=None, ge=1)
    """Of the processor; null leaves it to torch, which takes all cores. They change the rounding of
    sums, so they belong to what a result depends on. Small networks gain little from a second one,
    and lose much to it on a machine that others use too."""
    batch: int = Field(12, ge=1)
    """Windows a step (the paper's), however many processes share them."""
    epochs: int = Field(100, ge=1)
    """At most (the paper's)."""
    learning_rate: float = Field(1e-5, gt=0)
    """Adam's learning rate at the start of each release step (the paper's)."""
    temporal_lr_factor: float = Field(1.0, gt=0, le=1)
    """Factor on the learning rate of the fusion's K x K weights (1: the paper). Adam moves every
    weight by about the rate, and these add up over K frames: at a high rate they soon outgrow their
    start and recursions amplify it, which a factor of about 1 / K prevents (ours)."""
    min_learning_rate: float = Field(1e-8, gt=0)
    """A release step ends when the rate falls below it (the paper's)."""
    warmup: int = Field(5, ge=0)
    """Epochs at the start of each release step within each of which the learning rate rises
    linearly from 0 (the paper's)."""
    patience: int = Field(5, ge=1)
    """Epochs without a better validation CCC before the rate falls (the paper's)."""
    lr_decay: float = Field(0.1, gt=0, lt=1)
    """By which the rate falls (the paper's)."""
    early_stop: int | None = Field(50, ge=1)
    """Epochs without a better validation CCC before training ends; null: only the rate and `epochs`
    end it (ours; the paper stops early but does not say when)."""
    reload: bool = True
    """Whether the best weights so far are loaded at each epoch's end (the paper). Where not, only
    before a release and at the end."""
    weight_decay: float = Field(1e-3, ge=0)
    """Adam's (the paper's)."""
    clip_norm: float = Field(1.0, gt=0)
    """Norm to which a step's gradient is clipped (ours)."""
    select_by: Literal["validation", "held_out"] = "validation"
    """Whose CCC selects the epoch, the learning rate and the releases: the fold's validation clips
    (the paper), or every fourth training video, which is then not trained on (ours). By the first
    the reported CCC is optimistic, since the same clips selected the epoch; by the second it is
    not, which comparisons between methods need."""
    permute_labels: bool = False
    """Whether the training clips have one another's labels (ours): a control, whose CCC on the
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
    def _from_rate_to_min_rate(self) -> Training:
        if self.learning_rate < self.min_learning_rate:
            raise ValueError(
                f"a learning_rate of at least min_learning_rate, {self.min_learning_rate}"
            )
        return self
