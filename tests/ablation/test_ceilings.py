"""Oracles of the sample: what face, voice and words show, against the drawn truth."""

import numpy as np
import pytest
from clips import clip

from rjcma.ablation.ceilings import ORACLES, ceilings, table
from rjcma.corpus import labels
from rjcma.problem import Problem
from rjcma.sample.corpus import planned
from rjcma.sample.scene import draw_scene
from rjcma.sample.settings import Sample

NAMES = ("3-25-480x270", "7-30-480x270", "104", "122")
SAMPLE = Sample(seed=3, length=0.3, videos=list(NAMES))


def of(video):
    """The manifest's record of a video's only clip."""
    return clip(video.name, video=video.name, frames=video.frames, fps=float(video.fps))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """The clips, and a folder with the drawn truth as labels; some frames are unlabelled."""
    folder, found, truth = tmp_path_factory.mktemp("labels"), [], {}
    for video in planned(SAMPLE):
        found.append(of(video))
        state, times = draw_scene(video, SAMPLE.seed).states[0], found[-1].frame_times()
        truth[video.name] = np.stack([state.valence(times), state.arousal(times)], 1)
        truth[video.name][5:9] = np.nan
    labels.write(folder, {name: values.astype(np.float32) for name, values in truth.items()})
    return found, folder, truth


def test_each_oracle_is_that_computed_by_hand(corpus):
    found, folder, truth = corpus
    measured = ceilings(found, folder, SAMPLE, 2, ["arousal"])["arousal"]
    shown, known = {}, {}
    for video in planned(SAMPLE):
        scene = draw_scene(video, SAMPLE.seed)
        times = of(video).frame_times()
        shown[video.name] = np.array([s.arousal(times) for s in scene.shown[0]])
        known[video.name] = truth[video.name][:, 1]
    from rjcma.corpus.folds import split

    scores = []
    for fold in split(found, 2):
        train = [np.delete(shown[c.name], slice(5, 9), axis=1) for c in fold.train]
        x = np.concatenate(train, axis=1)
        y = np.concatenate([np.delete(known[c.name], slice(5, 9)) for c in fold.train])
        design = np.vstack([x, np.ones(x.shape[1])])
        weights = np.linalg.solve(design @ design.T, design @ y)
        x = np.concatenate([np.delete(shown[c.name], slice(5, 9), 1) for c in fold.validation], 1)
        y = np.concatenate([np.delete(known[c.name], slice(5, 9)) for c in fold.validation])
        guesses = [*x, weights @ np.vstack([x, np.ones(x.shape[1])])]
        scores.append(
            [
                2 * np.cov(g, y, bias=True)[0, 1] / (g.var() + y.var() + (g.mean() - y.mean()) ** 2)
                for g in guesses
            ]
        )
    assert measured == pytest.approx(np.mean(scores, axis=0), abs=1e-6)


def test_the_table_has_a_line_for_each_oracle_and_the_truth(corpus):
    found, folder, _ = corpus
    lines = table(found, folder, SAMPLE, 2, ["valence", "arousal"]).splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:]] == [*ORACLES, "the drawn truth"]
    assert lines[-1].count("1.000") == 3


def test_a_clip_that_the_sample_does_not_have_is_a_problem(corpus):
    found, folder, _ = corpus
    with pytest.raises(Problem, match="clip stranger"):
        ceilings([*found, clip("stranger", video="stranger")], folder, SAMPLE, 2, ["valence"])
