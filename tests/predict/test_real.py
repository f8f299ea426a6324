"""Real clips, predicted: their faces are seen, and their words are where they are said."""

from __future__ import annotations

from pathlib import Path

import films
import numpy as np
import pytest
from drawn_people import drawn
from predict_world import World
from ruamel.yaml import YAML
from speech_sounds import real_media

from rjcma.predict.engines import Asked
from rjcma.predict.predict import Request, predict
from rjcma.predict.result import Predicted


@pytest.fixture
def real(world: World, tmp_path):
    """Predict a real clip, with YuNet and PocketSphinx."""
    shared = real_media()
    (network,) = (shared / "models").glob("face_detection_yunet*.onnx")
    sections = world.sections()
    sections["speech"] = {"engine": "pocketsphinx"}
    params = tmp_path / "params.yaml"
    YAML(typ="safe").dump({**sections, "training": {"seed": 1}}, params)

    def predicted(name: str, **request) -> list[Predicted]:
        asked = Asked(params, others=True, detector=str(network))
        video = shared / "corpus_real/videos" / name
        return list(predict(Request([video], world.runs, tmp_path / "w", asked=asked, **request)))

    return predicted


def test_a_clip_in_mpeg_1_has_a_face_in_all_frames_and_words_in_time(real):
    (result,) = real("grid_brbk7n.mpg")
    assert result.clip.frames == 75 and result.clip.fps == 25
    left, top, width, height = result.boxes.T
    assert (left > 0).all() and (left + width < 360).all()
    assert (top > 0).all() and (top + height < 288).all() and (height > 288 / 4).all()
    said = {word.text.lower().strip(".,"): word for word in result.words}
    assert {"seven", "now"} <= said.keys()
    assert said["seven"].start < said["now"].start < 3
    for target, (low, high) in result.ranges.items():
        assert result.folds[target].shape == (2, 75)
        assert np.isfinite(result.folds[target]).all()
        assert low <= result.folds[target].min() <= result.folds[target].max() <= high


def test_two_drawn_people_are_two_clips_from_the_left(real, tmp_path):
    def moving(k):
        return drawn((120 + k, 130 + k % 3), (350, 130), mouth_open=0.2 * (k % 4))

    film = films.write(tmp_path / "two.mkv", map(moving, range(14)))
    one, other = real(str(film), everyone=True)
    assert (one.clip.name, other.clip.name) == ("two_1", "two_2")
    assert np.nanmax(one.boxes[:, 0]) < np.nanmin(other.boxes[:, 0])
    assert [word.text for word in one.words] == [word.text for word in other.words]


def test_the_path_of_a_result_is_that_of_its_video(real):
    (result,) = real("grid_brbk7n.mpg")
    assert result.video.is_absolute() and result.video == Path(result.clip.file)
