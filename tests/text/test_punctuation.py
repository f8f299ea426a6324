"""Punctuation: the package's own labels, one mark for any word, capitals, pauses."""

import random
import sys
from pathlib import Path

import numpy as np
import places
import pytest
import text_models
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoModelForTokenClassification, AutoTokenizer

from rjcma.problem import Problem, Problems
from rjcma.sample.sentences import MARKS, marked_words, written_sentence
from rjcma.speech.words import Word, read, write
from rjcma.text import pauses
from rjcma.text.multilingual import Multilingual
from rjcma.text.punctuate import capital, punctuated
from rjcma.text.punctuate_all import punctuate_all
from rjcma.text.settings import MultilingualSettings, PausesSettings

sys.path.append(str(places.ROOT / "models"))
import build_punctuation_sample as builder

SAMPLE = str(places.ROOT / "models" / "punctuation-sample")
CPU = torch.device("cpu")
ODD = [
    "i'm",
    "3.5",
    "o'clock",
    "naïve",
    "\u200b",
    "東京",
    "a\u0301",
    "\u0301",
    "🙂",
    "-",
    "x" * 999,
]


@pytest.fixture(scope="module")
def sample():
    return Multilingual(SAMPLE, CPU)


@pytest.fixture(scope="module")
def letters(tmp_path_factory):
    """A model with random weights that reads 512 sub-words, each a letter."""
    folder = tmp_path_factory.mktemp("letters")
    return text_models.bert(folder, positions=512, labels=text_models.LABELS)


def spoken(count, seed):
    rng, words = random.Random(seed), []
    while len(words) < count:
        words += [word for word, _ in marked_words(written_sentence(rng))]
    return words[:count]


def timed(texts, gap=0.0):
    return [Word(text, k * (1 + gap), k * (1 + gap) + 1, 0.5) for k, text in enumerate(texts)]


# ------------------------------------------------------------------------- the package's engine


@pytest.mark.parametrize("count", [1, 12, 230, 231, 455, 1200])
def test_marks_are_those_of_the_package_itself(sample, count):
    words = spoken(count, seed=count)
    theirs = [label for _, label, _ in sample.model.predict(words)]
    assert sample.marks(words) == ["" if label == "0" else label for label in theirs]


def test_a_word_has_the_label_of_its_last_sub_word(letters):
    words = spoken(41, seed=2)
    tokenizer = AutoTokenizer.from_pretrained(letters)
    inputs = tokenizer(words, is_split_into_words=True, return_tensors="pt")
    with torch.no_grad():
        model = AutoModelForTokenClassification.from_pretrained(letters).eval()
        best = model(**inputs).logits[0].argmax(1).tolist()
    last = {word: text_models.LABELS[b] for word, b in zip(inputs.word_ids(0), best, strict=True)}
    expected = ["" if last[n] == "0" else last[n] for n in range(len(words))]
    assert len(set(expected)) > 2
    assert Multilingual(str(letters), CPU).marks(words) == expected


def test_no_words_have_no_marks(sample):
    assert sample.marks([]) == []


def test_a_hundred_thousand_words_keep_their_own_marks(sample, monkeypatch):
    fake = {"yes": ".", "no": "0", "so": "?"}
    monkeypatch.setattr(
        sample.model, "predict", lambda chunk: [[word, fake[word], 1.0] for word in chunk]
    )
    words = random.Random(3).choices(list(fake), k=100_003)
    assert sample.marks(words) == [fake[word].replace("0", "") for word in words]


@pytest.mark.parametrize("count", [229, 450, 680])
def test_words_said_again_and_again_have_a_mark_each(sample, count):
    assert len(sample.marks(["no"] * count)) == count  # the package itself fails on 680


def test_words_of_more_sub_words_than_the_model_reads_are_read_in_smaller_chunks(
    letters, monkeypatch
):
    model, chunks = Multilingual(str(letters), CPU), []
    predict = model.model.predict
    monkeypatch.setattr(model.model, "predict", lambda c: chunks.append(c) or predict(c))
    rng = random.Random(7)
    words = ["".join(rng.choices("abcdefgh", k=rng.randint(1, 45))) for _ in range(401)]
    marks = model.marks(words)
    assert len(marks) == 401 and len(set(marks)) > 2
    assert all(256 < sum(map(len, chunk)) <= 512 - 2 for chunk in chunks[:-1])
    kept = [word for chunk in chunks[:-1] for word in chunk[:-5]] + chunks[-1]
    assert kept == words


def test_one_word_of_more_sub_words_than_the_model_reads_has_no_mark(tmp_path):
    folder = text_models.bert(tmp_path, positions=31, labels=text_models.LABELS)
    model = Multilingual(str(folder), CPU)
    marks = model.marks(["a", "b" * 45, "c"])
    assert len(marks) == 3 and marks[1] == ""


def test_a_model_of_the_fullstop_kind_reads_as_much_as_its_positions_allow(tmp_path):
    model = Multilingual(str(text_models.xlm_roberta(tmp_path, reads=37)), CPU)
    assert model.limit == 37
    assert len(model.marks(spoken(113, seed=3))) == 113


@pytest.mark.parametrize("kind", ["sample", "letters", "xlm_roberta"])
@pytest.mark.parametrize("turn", range(len(ODD)))
def test_unusual_words_move_no_mark(kind, turn, sample, letters, tmp_path_factory):
    if kind == "sample":
        model = sample
    elif kind == "letters":
        model = Multilingual(str(letters), CPU)
    else:
        model = Multilingual(str(text_models.xlm_roberta(tmp_path_factory.mktemp("x"))), CPU)
    words = ODD[turn:] + ODD[:turn]  # each is first once, and last once
    assert len(model.marks(words)) == len(words)
    assert len(model.marks(words[:1])) == 1


@pytest.mark.parametrize("odd", ["\u200b", "i'm", "[UNK]", "x" * 77])
def test_an_unusual_word_leaves_the_marks_around_it_where_they_were(sample, odd):
    words = spoken(31, seed=5)
    assert "." in sample.marks(words)[12:]
    with_unknown = sample.marks([*words[:11], "zzz", *words[11:]])
    assert sample.marks([*words[:11], odd, *words[11:]]) == with_unknown


def test_a_model_with_other_labels_is_a_problem(tmp_path):
    folder = text_models.bert(tmp_path, labels=["O", "PER", "LOC"])
    with pytest.raises(Problem, match=r"labels LOC O PER; expected labels among 0 \. , \? - :"):
        Multilingual(str(folder), CPU)


# ------------------------------------------------------------------------- the sample's model


@pytest.mark.parametrize("words", [23, 311])
def test_the_sample_model_marks_unseen_sentences_of_the_sample(words):
    scores = builder.measure(Path(SAMPLE), seed=20261, texts=4600 // words, words=words)
    assert set(scores) == set(MARKS)
    assert min(scores.values()) > 0.97 and np.mean(list(scores.values())) > 0.98


def test_f1_is_the_harmonic_mean_of_precision_and_recall():
    truth, predicted = [".", ".", "", ",", "?"], [".", "", ".", ",", "."]
    # full stops: 1 of 3 predicted is right, 1 of 2 true ones is predicted
    assert builder.f1(truth, predicted) == {".": pytest.approx(0.4), ",": 1.0, "?": 0.0}


def test_the_sample_model_writes_sentences_as_they_were_written(sample):
    texts = ["Yes, I will help us tonight.", "Why are you so sad now?", "No, you can't touch it."]
    words = timed([word for text in texts for word, _ in marked_words(text)])
    marked = punctuated(words, sample.marks([word.text for word in words]))
    assert " ".join(word.text for word in marked) == " ".join(texts)


def test_the_sample_model_is_small():
    assert sum(path.stat().st_size for path in Path(SAMPLE).iterdir()) < 500_000


# ------------------------------------------------------------------------- pauses


def test_pauses_are_commas_and_longer_ones_full_stops():
    ends = [("so", 0.0, 0.5), ("no", 0.6, 1.0), ("we", 1.25, 1.5), ("go", 2.5, 3.0), ("on", 2.9, 4)]
    words = [Word(text, start, end, 1.0) for text, start, end in ends]
    assert pauses.marks(words, comma=0.25, stop=1.0) == ["", ",", ".", "", "."]


def test_no_words_have_no_pauses():
    assert pauses.marks([], comma=0.25, stop=1.0) == []


# ------------------------------------------------------------------------- words


@given(st.lists(st.tuples(st.text(min_size=1), st.sampled_from(["", *".,?-:"])), max_size=23))
def test_words_and_times_stay_one_to_one(pairs):
    words = timed([text for text, _ in pairs])
    result = punctuated(words, [mark for _, mark in pairs])
    assert [word[1:] for word in result] == [word[1:] for word in words]
    for word, marked, (_, mark) in zip(words, result, pairs, strict=True):
        assert marked.text.casefold() in (word.text.casefold(), (word.text + mark).casefold())


def test_sentences_and_i_begin_with_capitals():
    texts = ["well", "i'm", "sad", "and", "i", "am", "in", "'tis", "who", "x"]
    marks = [":", "", ".", ",", "", "", "?", "-", ".", ""]
    result = [word.text for word in punctuated(timed(texts), marks)]
    assert result == ["Well:", "I'm", "sad.", "And,", "I", "am", "in?", "'Tis-", "who.", "X"]


@pytest.mark.parametrize(
    "plain, large",
    [("yes", "Yes"), ("3rd", "3rd"), ("'em", "'Em"), ("élan", "Élan"), ("...", "..."), ("I", "I")],
)
def test_a_capital_is_that_of_the_first_letter(plain, large):
    assert capital(plain) == large


def test_a_word_that_brings_its_mark_gets_no_second_one():
    assert [word.text for word in punctuated(timed(["so.", "no"]), ["?", "."])] == ["So.", "No."]


def test_a_missing_mark_is_a_problem():
    with pytest.raises(Problem, match="found 2 marks of punctuation; expected one for each of 3"):
        punctuated(timed(["a", "b", "c"]), ["", ""])


# ------------------------------------------------------------------------- files


PAUSES = PausesSettings(engine="pauses")


def by_model(folder):
    """The settings of the package's engine with the model of a folder."""
    return MultilingualSettings(
        engine="deepmultilingualpunctuation", model=str(folder), device="cpu"
    )


def files(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture
def words(tmp_path):
    folder = tmp_path / "words"
    folder.mkdir()
    write(folder / "a.b.json", timed(spoken(31, seed=1)))
    write(folder / "silent.json", [])
    return folder


def test_each_file_of_words_becomes_a_transcript(words, tmp_path):
    settings = by_model(SAMPLE)
    punctuate_all(words, tmp_path / "out", settings)
    assert sorted(files(tmp_path / "out")) == [".keys", "a.b.json", "silent.json"]
    assert read(tmp_path / "out" / "silent.json") == []
    before, after = read(words / "a.b.json"), read(tmp_path / "out" / "a.b.json")
    assert [word[1:] for word in after] == [word[1:] for word in before]
    assert [word.text.strip(".,?").lower() for word in after] == [word.text for word in before]
    assert after[0].text[0].isupper() and after[-1].text[-1] in ".?,abcdefghijklmnopqrstuvwxyz"
    punctuate_all(words, tmp_path / "again", settings)
    assert files(tmp_path / "again") == files(tmp_path / "out")


def test_a_model_of_other_content_makes_all_transcripts_anew(words, tmp_path):
    folder = tmp_path / "model"
    text_models.bert(folder, labels=text_models.LABELS)
    settings = by_model(folder)
    punctuate_all(words, tmp_path / "out", settings)
    before = files(tmp_path / "out")
    (folder / "README").write_text("another")
    punctuate_all(words, tmp_path / "out", settings)
    assert files(tmp_path / "out")[".keys"] != before[".keys"]


def test_pauses_need_no_model(words, tmp_path):
    write(words / "a.b.json", timed(["so", "i", "go"], gap=0.4))
    punctuate_all(words, tmp_path / "out", PAUSES)
    assert [word.text for word in read(tmp_path / "out" / "a.b.json")] == ["So,", "I,", "go."]


def test_spoilt_words_are_a_problem_and_other_files_are_kept(words, tmp_path):
    (words / "bad.json").write_text('{"words": 7}')
    with pytest.raises(Problems, match=r"bad\.json: found words = 7") as caught:
        punctuate_all(words, tmp_path / "out", PAUSES)
    assert len(caught.value.problems) == 1
    assert sorted(files(tmp_path / "out")) == [".failed", ".keys", "a.b.json", "silent.json"]


def test_no_folder_of_words_is_a_problem(tmp_path):
    with pytest.raises(Problem, match="found no such folder"):
        punctuate_all(tmp_path / "none", tmp_path / "out", PAUSES)
