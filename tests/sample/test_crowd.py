"""Drawn people and videos: as many as asked, others for another seed, the same otherwise."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rjcma.params import checked
from rjcma.problem import Problem
from rjcma.sample import voice
from rjcma.sample.cast import VIDEOS
from rjcma.sample.corpus import planned, write
from rjcma.sample.crowd import crowd
from rjcma.sample.scene import draw_scene
from rjcma.sample.settings import Sample


def clips(videos):
    return [clip for video in videos for clip in video.clips]


def test_the_default_is_the_cast_alone():
    assert planned(Sample()) == list(VIDEOS) == planned(Sample(clips=20))


@given(st.integers(20, 300), st.integers(1, 40))
def test_there_are_as_many_clips_of_as_many_people_as_asked(number, people):
    found = planned(Sample(clips=number, people=people))
    assert found[: len(VIDEOS)] == list(VIDEOS)
    assert len(set(clips(found))) == len(clips(found)) == number
    drawn = [person for video in found[len(VIDEOS) :] for person in video.people]
    assert len({person.name for person in drawn}) == min(people, number - 20)


def test_people_without_clips_are_refused():
    with pytest.raises(Problem, match="people with clips only"):
        checked(Sample, {"people": 3}, "sample", "params.yaml")


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 3))
def test_a_smaller_crowd_is_the_beginning_of_a_larger_one(one, other, seed):
    small, large = sorted((one, other))
    assert crowd(large, None, seed)[:small] == crowd(small, None, seed)


def test_another_seed_draws_other_people():
    one, other = (crowd(20, None, seed) for seed in (1, 2))
    assert [v.name for v in one] == [v.name for v in other]
    assert not {v.people[0].valence for v in one} & {v.people[0].valence for v in other}


def test_a_fifth_is_for_validation_and_none_is_for_testing():
    assert Counter(v.partition for v in crowd(100, None, 1)) == {"train": 80, "validation": 20}


def test_the_clips_of_a_person_are_in_one_partition():
    of_person = {}
    for video in crowd(60, 12, 1):
        of_person.setdefault(video.people[0].name, set()).add(video.partition)
    assert len(of_person) == 12 and all(len(found) == 1 for found in of_person.values())


def test_a_person_looks_the_same_in_every_video_and_others_do_not():
    one, two, again, _ = (draw_scene(video, 1).looks[0] for video in crowd(4, 2, 1))
    assert one == again != two


def test_the_crowd_has_hard_cases_and_voices_that_the_vosk_model_knows():
    videos = crowd(200, None, 1)
    for case in ("away", "covered", "silent"):
        assert 0.02 < sum(bool(getattr(video, case)) for video in videos) / 200 < 0.25, case
    assert {f"en-us+{v.people[0].voice}" for v in videos} <= set(voice.VOICES)
    assert all(0 < start < end < 1 for v in videos for start, end in (*v.away, *v.covered))
    assert len({v.people[0].hair for v in videos}) == 6


def test_moods_cover_the_plane():
    people = [video.people[0] for video in crowd(100, None, 1)]
    quadrants = Counter((p.valence > 0, p.arousal > 0) for p in people)
    assert min(quadrants.values()) >= 15 and len(quadrants) == 4


def test_a_drawn_video_is_the_same_bytes_when_made_again(tmp_path):
    settings = Sample(seed=2, clips=23, videos=["p0002-01"], length=0.1)
    for name in ("one", "two"):
        write(settings, tmp_path / name)
    found = [
        {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}
        for root in (tmp_path / "one", tmp_path / "two")
    ]
    assert found[0] == found[1] and "annotations/VA/train/p0002-01.txt" in found[0]


def test_fewer_clips_than_the_cast_has_are_refused():
    with pytest.raises(Problem, match=r"clips.*(20|greater)"):
        checked(Sample, {"clips": 19}, "sample", "params.yaml")
