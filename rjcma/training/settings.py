"""Section `training` of the params file: how the weights are found (paper, section 4.2.2)."""

from __future__ import annotations

from pydantic import Field, model_validator

from rjcma.params import Section


class Training(Section):
    """Adam on 1 - CCC, with a rate that falls on a plateau of the validation CCC."""

    seed: int = Field(1, ge=0)
    """Of weights, windows, augmentation and dropout; nothing else is random."""
    device: str = "auto"
    threads: int | None = Field(default=None, ge=1)
    """Of the processor; null leaves it to torch, which takes all cores. They change the rounding of
    sums, so they belong to what a result depends on. Small networks gain little from a second one,
    and lose much to it on a machine that others use too."""
    batch: int = Field(12, ge=1)
    """Windows a step (the paper's)."""
    epochs: int = Field(100, ge=1)
    """At most (the paper's)."""
    rate: float = Field(1e-5, gt=0)
    """Adam's learning rate at the start (the paper's, for encoders trained before)."""
    frame_rate: float = Field(1.0, gt=0, le=1)
    """By which the rate of the fusion's K x K weights is multiplied (1: the paper). Adam moves
    every weight by about the rate, and these add up over K frames: at a high rate they soon outgrow
    their start and recursions amplify it, which a factor of about 1 / K prevents (ours)."""
    min_rate: float = Field(1e-8, gt=0)
    """Training ends when the rate falls below it (the paper's)."""
    patience: int = Field(5, ge=1)
    """Epochs without a better validation CCC before the rate falls (the paper's)."""
    factor: float = Field(0.1, gt=0, lt=1)
    """By which the rate falls (the paper's)."""
    early_stop: int = Field(15, ge=1)
    """Epochs without a better validation CCC before training ends (ours; the paper stops early but
    does not say when)."""
    weight_decay: float = Field(1e-3, ge=0)
    """Adam's (the paper's)."""
    max_gradient: float = Field(1.0, gt=0)
    """Norm to which a step's gradient is clipped (ours)."""

    @model_validator(mode="after")
    def _from_rate_to_min_rate(self) -> Training:
        if self.rate < self.min_rate:
            raise ValueError(f"a rate of at least min_rate, {self.min_rate}")
        return self
