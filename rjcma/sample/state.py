"""The emotional states of the sample's people, and how well each modality shows them.

A state is a smooth track of valence and one of arousal, both in (-1, 1). Face, voice and choice of
words each show it with their own error: one part changes smoothly over time, the other is constant
for a person. So each modality carries part of the information, and together they carry more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

from rjcma.timeline import Seconds

Floats = NDArray[np.float64]
Track = Callable[[ArrayLike], Floats]
"""A function from times in seconds to values."""

PACE: Seconds = 2.5  # time scale of a state's changes
SWING = 0.75  # standard deviation of a state around its centre, before tanh
WAVES = 48  # cosines in a smooth track


class State(NamedTuple):
    """Valence and arousal over time."""

    valence: Track
    arousal: Track


class Errors(NamedTuple):
    """Standard deviations of a modality's errors in valence and in arousal."""

    valence: float
    arousal: float


FACE = Errors(valence=0.30, arousal=0.36)
VOICE = Errors(valence=0.45, arousal=0.42)
WORDS = Errors(valence=0.30, arousal=0.45)
PERSONAL = 0.3  # share of an error's variance that is constant for a person


def smooth(rng: Generator, pace: Seconds = PACE) -> Track:
    """A random track of mean 0 and standard deviation 1, smooth over about `pace` seconds.

    A sum of cosines with normally distributed frequencies: a sample of the Gaussian process with
    covariance exp(-(t - u)^2 / (2 pace^2)).
    """
    frequency = rng.normal(0, 1 / pace, WAVES)
    phase = rng.uniform(0, 2 * np.pi, WAVES)

    def track(times: ArrayLike) -> Floats:
        angles = np.multiply.outer(np.asarray(times, np.float64), frequency) + phase
        return np.sqrt(2 / WAVES) * np.cos(angles).sum(-1)

    return track


def draw(rng: Generator, valence: float, arousal: float) -> State:
    """A random state around the given centre."""
    return State(_around(smooth(rng), valence), _around(smooth(rng), arousal))


def coupled(state: State, other: State, share: float) -> State:
    """The mean of two states, `share` of it from `other`: people in a conversation are alike."""
    return State(
        lambda t: share * other.valence(t) + (1 - share) * state.valence(t),
        lambda t: share * other.arousal(t) + (1 - share) * state.arousal(t),
    )


def shown(rng: Generator, state: State, errors: Errors) -> State:
    """The state as one modality shows it: with this modality's errors, in [-1, 1]."""
    return State(
        _with_error(rng, state.valence, errors.valence),
        _with_error(rng, state.arousal, errors.arousal),
    )


def _around(walk: Track, centre: float) -> Track:
    return lambda times: np.tanh(centre + SWING * walk(times))


def _with_error(rng: Generator, track: Track, std: float) -> Track:
    constant = rng.normal(0, std * np.sqrt(PERSONAL))
    error = smooth(rng)
    scale = std * np.sqrt(1 - PERSONAL)
    return lambda times: np.clip(track(times) + constant + scale * error(times), -1, 1)
