"""What a face does from frame to frame: it shows a state, speaks, blinks, moves, looks away."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike

from rjcma.sample.looks import Expression
from rjcma.sample.state import Floats, State, smooth
from rjcma.timeline import Seconds

BLINK_INTERVAL: Seconds = 3.5
BLINK_DURATION: Seconds = 0.16
TURN_DURATION: Seconds = 0.35  # of turning away or lifting the book, and of coming back
FULL_TURN = 2.5  # radians; no part of the face is visible
HEAD_PACE: Seconds = 0.9  # time scale of the head's motion


def expression_of(valence: float, arousal: float, voice: float = 0.0) -> Expression:
    """The expression that shows a state; `voice` is how far speech opens the mouth, 0 to 1.

    Valence bends the mouth. Arousal raises brows and opens eyes. At low valence the inner ends
    of the brows go down in anger (high arousal) and up in sorrow (low arousal).
    """
    unhappy = max(-valence, 0.0)
    return Expression(
        smile=valence,
        mouth_open=float(np.clip(voice * (0.65 + 0.25 * arousal), 0, 1)),
        brow_raise=0.8 * arousal + 0.15 * valence,
        brow_frown=1.2 * unhappy * float(np.tanh(2 * arousal)),
        eye_open=float(np.clip(0.54 + 0.46 * arousal, 0.1, 1.0)),
    )


def expressions_at(
    rng: Generator,
    state: State,
    times: Floats,
    voice: Floats,
    away: Sequence[tuple[Seconds, Seconds]] = (),
    covered: Sequence[tuple[Seconds, Seconds]] = (),
) -> list[Expression]:
    """The expressions at `times` (T,) of a face that shows `state`.

    `voice` (T,) is how loud the person speaks. `away` and `covered` are the times at which the
    face is turned away or behind a book. High arousal moves the head more.
    """
    valence, arousal = state.valence(times), state.arousal(times)
    motion = {name: smooth(rng, HEAD_PACE)(times) for name in ("turn", "tilt", "x", "y")}
    gaze = np.stack([smooth(rng, HEAD_PACE)(times) for _ in range(2)], 1)
    lively = 0.5 + 0.5 * np.clip(arousal + 0.4, 0, None)
    blink = _blinks(rng, times)
    turned = FULL_TURN * _during(away, times) * rng.choice([-1, 1])
    hidden = _during(covered, times)
    frames = []
    for k in range(len(times)):
        face = expression_of(valence[k], arousal[k], voice[k])
        frames.append(
            Expression(
                smile=face.smile,
                mouth_open=face.mouth_open,
                brow_raise=face.brow_raise,
                brow_frown=face.brow_frown,
                eye_open=face.eye_open,
                blink=blink[k],
                gaze=(gaze[k, 0], 0.5 * gaze[k, 1]),
                turn=0.13 * lively[k] * motion["turn"][k] + turned[k],
                tilt=0.05 * lively[k] * motion["tilt"][k],
                shift=(0.05 * lively[k] * motion["x"][k], 0.04 * lively[k] * motion["y"][k]),
                covered=hidden[k],
            )
        )
    return frames


def _blinks(rng: Generator, times: Floats) -> Floats:
    """How far the lids are closed, 0 to 1, (T,)."""
    closed = np.zeros(len(times))
    moment = rng.exponential(BLINK_INTERVAL)
    while len(times) and moment < times[-1]:
        closed = np.maximum(closed, 1 - np.abs(times - moment) / (BLINK_DURATION / 2))
        moment += 0.5 + rng.exponential(BLINK_INTERVAL)
    return np.sqrt(np.clip(closed, 0, 1))


def _during(stretches: Sequence[tuple[Seconds, Seconds]], times: ArrayLike) -> Floats:
    """1 within the stretches, 0 outside, with a smooth rise and fall at their ends, (T,)."""
    times = np.asarray(times, np.float64)
    level = np.zeros(len(times))
    for start, end in stretches:
        within = np.minimum(times - start, end - times) / TURN_DURATION
        level = np.maximum(level, np.clip(within, 0, 1))
    return level * level * (3 - 2 * level)
