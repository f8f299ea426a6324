"""Writes the page of a clip: the video in step with traces, words, faces and sound."""

from __future__ import annotations

from typing import Any, NamedTuple

from rjcma.pages.clip_attention import shown, why_none
from rjcma.pages.clip_data import data_of, targets_of
from rjcma.pages.clip_view import ClipView
from rjcma.pages.site import CLIPS, Site, clip_address

SCRIPTS = (
    "clip-time.js",
    "clip-clock.js",
    "clip-video.js",
    "clip-traces.js",
    "clip-lanes.js",
    "clip-transcript.js",
    "clip-attention.js",
    "clip-readout.js",
    "clip-pointer.js",
    "clip-keys.js",
    "clip-page.js",
)

HELP = (
    (("Space", "k"), "play or pause"),
    (("←", "→"), "one frame back, forward"),
    (("Shift ←", "Shift →"), "one second back, forward"),
    (("[", "]"), "the word before, the next word"),
    (("Home", "End"), "the first frame, the last one"),
    (("+", "−"), "zoom in, out"),
    (("0",), "the whole clip"),
    (("d",), "a drag over the traces moves them, or zooms"),
    (("f",), "follow the present time, or not"),
    (("m",), "sound on or off"),
    (("v",), "say the present values (for screen readers)"),
    (("?",), "these keys"),
)


class Neighbour(NamedTuple):
    """The page before this one, or after it."""

    name: str
    address: str

    @classmethod
    def of(cls, clip: str) -> Neighbour:
        return cls(clip, clip_address(clip))


def write(
    site: Site, view: ClipView, before: Neighbour | None = None, after: Neighbour | None = None
) -> None:
    """Write `clips/<clip>.html`, with its data and pictures.

    Raises `Problem` for features that are damaged.
    """
    name = f"{CLIPS}/{view.clip.name}"
    data = data_of(view, site)
    site.data(name, data)
    targets = targets_of(view)
    site.page(
        f"{name}.html",
        "clip.html",
        title=view.clip.name,
        data=[name],
        scripts=SCRIPTS,
        data_name=name,
        view=view,
        spoken=data["words"] is not None,
        before=before,
        after=after,
        targets=targets,
        has_truth=any(target["truth"] is not None for target in targets),
        has_band=any(len(target["folds"]) > 1 for target in targets),
        lead=lead(view),
        how=how(targets),
        described=described(view, targets),
        attention=[each for each in view.attention or () if shown(each)],
        no_attention=why_none(view),
        help=HELP,
    )


def lead(view: ClipView) -> str:
    """A line about the clip: how long it is, its part of the corpus, and its CCC."""
    clip = view.clip
    seconds = clip.frames / clip.fps
    parts = [f"{seconds:.1f} s, {clip.frames} frames at {clip.fps:.5g} per second"]
    if view.truth:
        parts.append({"train": "training", "test": "test"}.get(clip.partition, clip.partition))
    scores = {target: view.ccc(target) for target in view.ranges}
    parts += [f"CCC of {t}: {score:z.3f}" for t, score in scores.items() if score is not None]
    return "; ".join(parts) + "."


def how(targets: list[dict[str, Any]]) -> str:
    """How the traces are to be read."""
    folds = max((len(target["folds"]) for target in targets), default=0)
    trained = max((sum(f["trained"] for f in target["folds"]) for target in targets), default=0)
    text = "A click seeks. A drag over the traces zooms."
    if folds > trained:
        text += " The prediction is the mean of the networks that were not trained on this clip"
        text += f" ({folds - trained} of {folds})."
    elif folds:
        text += " All networks were trained on this clip, so there is no prediction."
    if folds > 1 and trained:
        text += " The band spans all of them, also those that were trained on it."
    return text


def described(view: ClipView, targets: list[dict[str, Any]]) -> str:
    """The traces in words."""
    names = " and ".join(target["name"] for target in targets)
    parts = []
    for target in view.ranges:
        prediction, truth = view.prediction(target), view.truth_of(target)
        if prediction is not None:
            low, high = float(prediction.min()), float(prediction.max())
            parts.append(f"{target} is predicted from {low:z.2f} to {high:z.2f}")
        if prediction is not None and truth is not None:
            parts[-1] += f", with a CCC of {view.ccc(target):z.3f}"
    return f"Traces of {names} over time. " + "; ".join(parts) + "."
