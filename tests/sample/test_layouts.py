"""The sample in the forms of three corpora: the same clips, with annotations of another kind."""

from __future__ import annotations

import csv
import hashlib

import av
import numpy as np
import pytest
from documented import documented

from rjcma.corpus.audit import audit
from rjcma.corpus.folds import split
from rjcma.corpus.settings import Corpus
from rjcma.jobs.memory import Memory
from rjcma.params import checked
from rjcma.sample.cast import selected_videos
from rjcma.sample.corpus import write
from rjcma.sample.make import make
from rjcma.sample.muse import around, stretch
from rjcma.sample.recola import LARGEST, RATERS, ratings
from rjcma.sample.scene import dice_of
from rjcma.sample.settings import Sample
from rjcma.sample.voice import SAMPLE_RATE_HZ

TWO, UNEVEN, GAPS, EXTRA, VALIDATION, TEST = (
    *("16-30-480x270", "video31", "video14", "video22"),
    *("33-25-480x270", "video18"),
)
NAMES = [TWO, UNEVEN, GAPS, EXTRA, VALIDATION, TEST]
ANNOTATED = [f"{TWO}_left", f"{TWO}_right", UNEVEN, GAPS, EXTRA, VALIDATION]
DIMENSIONS = ("valence", "arousal")
LAYOUTS = ("affwild2", "recola", "muse")
PARAMS = documented()
ROUNDING = 0.0005  # of three decimals


def settings(layout, **other):
    return Sample(**{"seed": 3, "length": 0.15, "videos": NAMES, "layout": layout, **other})


PLANS = {video.name: video for video in selected_videos(settings("muse"))}


@pytest.fixture(scope="module", autouse=True)
def one_worker():
    """Processes take longer to start than such short videos to draw."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RJCMA_WORKERS", "1")
        yield


@pytest.fixture(scope="module")
def roots(one_worker, tmp_path_factory):
    """The same clips in each layout."""
    folder = tmp_path_factory.mktemp("layouts")
    for layout in LAYOUTS:
        make(settings(layout), folder / layout)
    return folder


def rows(path, delimiter=","):
    with open(path, newline="") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


def listed(roots, layout):
    return {row["clip"]: row for row in rows(roots / layout / "clips.csv")}


def truth(roots, clip):
    """Valence and arousal of each frame, NaN where unlabelled, from the layout of Aff-Wild2."""
    (path,) = roots.glob(f"affwild2/annotations/VA/*/{clip}.txt")
    values = np.loadtxt(path, delimiter=",", skiprows=1)
    return np.where(values == -5, np.nan, values)


def frames(path):
    """The times of a video's frames, and the frames."""
    with av.open(str(path)) as container:
        decoded = list(container.decode(video=0))
    times = np.array([float(frame.pts * frame.time_base) for frame in decoded])
    return times, [frame.to_ndarray(format="gray").astype(float) for frame in decoded]


def video_of(clip):
    return PLANS[clip.removesuffix("_left").removesuffix("_right")]


def shown(roots, clip, layout):
    return frames(roots / layout / "videos" / video_of(clip).file)


def test_the_page_on_corpora_has_at_most_ten_lines_of_params_for_each_layout():
    assert set(PARAMS) == set(LAYOUTS)
    assert all(changed.lines <= 10 for changed in PARAMS.values())


@pytest.fixture(scope="module")
def audits(roots, tmp_path_factory):
    """The index of each corpus, with the params of docs/corpora.md."""
    memory, made = tmp_path_factory.mktemp("memory"), {}
    for layout in LAYOUTS:
        section = {**PARAMS[layout].sections["corpus"], "root": str(roots / layout)}
        made[layout] = audit(checked(Corpus, section, "corpus", ""), Memory(memory / layout))
        assert made[layout].findings.problems == []
    return made


# -------------------------------------------------------------------------------------- the lists


def test_the_default_layout_is_that_of_aff_wild2_and_its_bytes_are_those_of_before(roots):
    assert Sample().layout == "affwild2"
    texts = sorted(roots.glob("affwild2/**/*.txt"))
    contents = [path.read_bytes() for path in texts if path.name != "SAMPLE.txt"]
    digest = hashlib.blake2b(b"".join(contents), digest_size=8).hexdigest()
    assert digest == ANNOTATIONS_BEFORE


ANNOTATIONS_BEFORE = "b5243b2ea37aee58"
"""The digest of the annotations and the test list before there was another layout."""


@pytest.mark.parametrize("layout", ["recola", "muse"])
def test_the_list_names_the_clips_of_the_default_layout_with_their_partitions(roots, layout):
    clips = listed(roots, layout)
    crops = roots / "affwild2/cropped_aligned"
    assert list(clips) == sorted(path.name for path in crops.iterdir())
    for name, row in clips.items():
        known = roots.glob(f"affwild2/annotations/VA/*/{name}.txt")
        assert [row["partition"]] == ([path.parent.name for path in known] or ["test"])
        assert (roots / layout / row["video"]).is_file()
        assert row["group"] == video_of(name).name
        assert row["gender"] in ("man", "woman")
    assert [clips[f"{TWO}_{side}"]["person"] for side in ("left", "right")] == ["left", "right"]
    assert clips[UNEVEN]["person"] == ""


@pytest.mark.parametrize("layout", ["recola", "muse"])
def test_the_list_names_an_annotation_for_each_dimension_but_none_of_a_test_clip(roots, layout):
    clips = listed(roots, layout)
    assert clips[TEST]["annotation"] == ""
    named = {
        clips[name]["annotation"].format(target=target)
        for name in ANNOTATED
        for target in DIMENSIONS
    }
    there = {
        path.relative_to(roots / layout).as_posix() for path in roots.glob(f"{layout}/*/*/*.csv")
    }
    assert named == there


@pytest.mark.parametrize("layout", ["recola", "muse"])
def test_there_are_no_crops_and_no_annotations_of_aff_wild2(roots, layout):
    expected = {"videos", "clips.csv", "SAMPLE.txt", ".keys"}
    expected.add("ratings" if layout == "recola" else "labels")
    assert {path.name for path in (roots / layout).iterdir()} == expected


@pytest.mark.parametrize("layout", ["recola", "muse"])
def test_a_corpus_is_the_same_bytes_when_made_again(roots, tmp_path, layout):
    write(settings(layout, videos=[GAPS]), tmp_path / "again")
    made = [path for path in (tmp_path / "again").rglob("*") if path.is_file()]
    assert len(made) == 1 + 1 + 2
    for path in made:
        if path.name != "clips.csv":
            first = roots / layout / path.relative_to(tmp_path / "again")
            assert path.read_bytes() == first.read_bytes()


# ------------------------------------------------------------------------------ in RECOLA's form


def test_ratings_are_six_columns_at_25_hz_with_names_that_end_in_spaces(roots):
    path = roots / "recola/ratings/arousal" / f"{VALIDATION}.csv"
    header, *lines = path.read_text().splitlines()
    assert header == "time;FM1 ;FM2 ;FM3 ;FF1 ;FF2 ;FF3 "
    times = np.array([float(line.split(";")[0]) for line in lines])
    assert np.allclose(np.diff(times), 0.04) and times[0] == 0


def rated(roots, dimension, clip):
    """The times and each rater's values, NaN where a cell is empty."""
    path = roots / "recola/ratings" / dimension / f"{clip}.csv"
    table = np.genfromtxt(path, delimiter=";", skip_header=1)
    return table[:, 0], table[:, 1:]


@pytest.mark.parametrize("clip", ANNOTATED)
def test_the_mean_of_the_raters_is_the_truth(roots, clip):
    known = truth(roots, clip)
    for column, dimension in enumerate(DIMENSIONS):
        times, values = rated(roots, dimension, clip)
        at = shown(roots, clip, "recola")[0]
        meant = np.interp(at, times, values.mean(1))
        there = ~np.isnan(meant) & ~np.isnan(known[: len(at), column])
        assert np.abs(meant - known[: len(at), column])[there].max() < 2.5 * ROUNDING
        assert there.mean() > 0.75


def test_raters_differ_from_each_other_and_from_the_truth_and_stay_in_range(roots):
    for dimension in DIMENSIONS:
        values = np.concatenate([rated(roots, dimension, clip)[1] for clip in ANNOTATED])
        values = values[~np.isnan(values).any(1)]
        assert np.abs(values).max() <= 1
        pairs = np.abs(values[:, :, None] - values[:, None, :]).mean(0)
        assert pairs[~np.eye(len(RATERS), dtype=bool)].min() > 0.02
        assert np.abs(values - values.mean(1, keepdims=True)).std(0).min() > 0.02


def test_ratings_stay_in_range_and_keep_their_mean_at_the_ends_of_the_range():
    times = np.arange(0, 3000, 7.0)
    level = np.tanh(3 * np.sin(times / 50))
    rated = ratings(np.random.default_rng(5), level, times)
    assert rated.shape == (len(times), 6) and np.abs(rated).max() <= 1
    assert np.allclose(rated.mean(1), level, atol=1e-12)
    largest = np.abs(rated - level[:, None]).max(1) / (1 - level**2)
    assert largest.max() == pytest.approx(LARGEST)


def test_cells_are_empty_where_the_annotators_gave_no_value(roots):
    times, values = rated(roots, "valence", GAPS)
    missing = np.isnan(values)
    assert (missing.all(1) == missing.any(1)).all()
    at, _ = shown(roots, GAPS, "recola")
    unlabelled = np.isnan(truth(roots, GAPS)[:, 0])
    assert 0.1 < missing.mean() < 0.3
    for time in times[missing.any(1)]:  # to within a frame
        assert np.abs(at[unlabelled] - time).min() <= 1 / 30


def test_ratings_go_on_as_long_after_the_video_as_the_annotation_of_a_row_a_frame(roots):
    times, _ = rated(roots, "valence", EXTRA)
    at, _ = shown(roots, EXTRA, "recola")
    assert times[-1] - at[-1] == pytest.approx(4 / 29.97, abs=0.04)
    assert rated(roots, "valence", UNEVEN)[0][-1] - shown(roots, UNEVEN, "recola")[0][-1] < 0.04


def test_videos_in_recolas_form_are_those_of_the_default_layout(roots):
    for name in NAMES:
        one, other = (
            roots / layout / "videos" / PLANS[name].file for layout in ("affwild2", "recola")
        )
        assert one.read_bytes() == other.read_bytes()


# -------------------------------------------------------------------------------- in MuSe's form


def within(roots, clip):
    """Start and end in the list, in seconds."""
    row = listed(roots, "muse")[clip]
    return float(row["start"]), float(row["end"])


@pytest.mark.parametrize("clip", [*ANNOTATED, TEST])
def test_the_frames_between_start_and_end_are_the_clip(roots, clip):
    start, end = within(roots, clip)
    times, pictures = shown(roots, clip, "muse")
    inside = (times >= start - 1e-6) & (times < end - 1e-6)
    own_times, own = shown(roots, clip, "affwild2")
    assert inside.sum() == len(own)
    assert np.allclose(times[inside] - times[inside][0], own_times, atol=1e-3)
    pictures = [picture for picture, used in zip(pictures, inside) if used]
    assert max(np.abs(one - other).mean() for one, other in zip(pictures, own)) < 2
    assert start > 0.1 * own_times[-1] and times[-1] > end


def test_people_sit_still_before_the_clip_and_the_room_is_empty_after_it(roots):
    start, end = within(roots, VALIDATION)
    times, pictures = shown(roots, VALIDATION, "muse")
    before = [p for p, time in zip(pictures, times) if time < start - 0.01]
    after = [p for p, time in zip(pictures, times) if time > end - 0.01]
    assert len(before) > 4 and len(after) > 4
    for still in (before, after):
        assert max(np.abs(picture - still[0]).mean() for picture in still) < 1.5
    assert np.abs(before[-1] - after[-1]).mean() > 8


def test_the_sound_is_that_of_the_clip_between_silences(roots):
    start, end = within(roots, VALIDATION)
    heard, own = (sound(roots / f"{name}/videos/{VALIDATION}.mp4") for name in ("muse", "affwild2"))
    first, last = (round(time * SAMPLE_RATE_HZ) for time in (start, end))
    assert np.abs(heard[: first - 800]).max() < 1e-3 > np.abs(heard[last + 800 :]).max()
    size = 2 * len(heard)
    likeness = np.fft.irfft(np.fft.rfft(heard, size) * np.fft.rfft(own, size).conj())
    assert abs(int(np.argmax(likeness)) - first) < 32  # two milliseconds


def sound(path):
    with av.open(str(path)) as container:
        resampler = av.AudioResampler("s16", "mono", SAMPLE_RATE_HZ)
        pieces = [
            piece.to_ndarray()[0]
            for frame in [*container.decode(audio=0), None]
            for piece in resampler.resample(frame)
        ]
    return np.concatenate(pieces) / 32768


def gold(roots, dimension, clip):
    """The times in seconds of the video, and the values."""
    table = rows(roots / "muse/labels" / dimension / f"{clip}.csv")
    stamps = np.array([int(row["timestamp"]) for row in table])
    assert (stamps % 500 == 0).all() and (np.diff(stamps) > 0).all()
    return stamps / 1000, np.array([float(row["value"]) for row in table])


@pytest.mark.parametrize("clip", ANNOTATED)
def test_gold_standards_at_2_hz_are_the_truth_to_within_interpolation(roots, clip):
    start, end = within(roots, clip)
    known = truth(roots, clip)
    own_times, _ = shown(roots, clip, "affwild2")
    for column, dimension in enumerate(DIMENSIONS):
        times, values = gold(roots, dimension, clip)
        assert times[0] <= start or np.isnan(known[0]).all()
        assert times[-1] >= end - 0.001 and times[-1] < end + 0.5
        meant = np.interp(start + own_times, times, values)
        assert np.nanmax(np.abs(meant - known[: len(meant), column])) < 0.05


def test_rows_are_missing_where_the_annotators_gave_no_value(roots):
    start, _ = within(roots, GAPS)
    times, _ = gold(roots, "arousal", GAPS)
    known = truth(roots, GAPS)
    for first, last in PLANS[GAPS].within(PLANS[GAPS].unlabelled):
        assert not ((times - start >= first) & (times - start < last)).any()
    assert np.isnan(known).any()


def test_every_video_is_longer_than_its_clip_by_another_time():
    lengths = {}
    for video in selected_videos(Sample()):
        start, end = stretch(video, 1)
        before, after = around(video, 1)
        lengths[video.name] = float(start)
        assert 0.8 < start < 6.5 and end - start == video.frames / video.fps
        assert 0.5 < after / float(video.fps) < 4 and before == start * video.fps
    assert len(set(lengths.values())) >= len(lengths) - 2


def test_further_sources_of_random_numbers_leave_those_before_as_they_were():
    video = PLANS[TWO]
    first_six = np.random.default_rng([3, 2258581600]).spawn(6)
    dice = dice_of(video, 3)
    assert [g.random() for g in dice[:6]] == [g.random() for g in first_six]


# ----------------------------------------------------------------------------- what the index reads


def names_of(fold):
    return {part: [clip.name for clip in clips] for part, clips in fold._asdict().items()}


def test_the_clips_and_their_folds_are_the_same_in_all_layouts(audits):
    first, *others = (audits[layout].clips for layout in LAYOUTS)
    for clips in others:
        assert [c.name for c in clips] == [c.name for c in first]
        assert [c.partition for c in clips] == [c.partition for c in first]
        assert [c.video for c in clips] == [c.video for c in first]
        assert [names_of(fold) for fold in split(clips, 3)] == [
            names_of(fold) for fold in split(first, 3)
        ]
    assert {clip.details["gender"] for clip in others[0]} == {"man", "woman"}


def test_a_clip_has_the_same_frames_in_all_layouts(audits):
    known = {clip.name: clip for clip in audits["affwild2"].clips}
    for layout in ("recola", "muse"):
        for clip in audits[layout].clips:
            extra = 4 if clip.name == EXTRA else 0  # rows without a frame
            assert clip.frames == known[clip.name].frames - extra
            times = clip.frame_times() - clip.frame_times()[0]
            assert np.allclose(times, known[clip.name].frame_times()[: clip.frames], atol=2e-3)
    assert all(clip.first > 0 for clip in audits["muse"].clips)


@pytest.mark.parametrize(("layout", "within", "beside"), [("recola", 0.02, 1), ("muse", 0.03, 16)])
def test_labels_are_the_same_to_within_interpolation(audits, layout, within, beside):
    """`beside`: the frames beside an unlabelled stretch that may be unlabelled too."""
    known, labels = audits["affwild2"].labels, audits[layout].labels
    assert set(labels) == set(known) and len(known) == len(ANNOTATED)
    for name, values in labels.items():
        truth = known[name][: len(values)]
        assert np.nanmax(np.abs(values - truth)) < within
        wrong = np.flatnonzero(np.isnan(values[:, 0]) != np.isnan(truth[:, 0]))
        unlabelled = np.flatnonzero(np.isnan(truth[:, 0]))
        assert all(np.abs(unlabelled - k).min() <= beside for k in wrong)
        if name != GAPS:
            assert not wrong.size


def test_the_mean_of_six_raters_is_nearer_than_interpolation_where_frames_are_short(audits):
    known, labels = audits["affwild2"].labels, audits["recola"].labels
    for name in (f"{TWO}_left", VALIDATION):
        assert np.nanmax(np.abs(labels[name] - known[name])) < 0.0015
