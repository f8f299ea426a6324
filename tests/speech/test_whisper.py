"""Whisper by transformers: a tiny model, against the library's own calls, and what is refused."""

import json
import shutil
from contextlib import nullcontext
from itertools import pairwise

import mini_whisper
import numpy as np
import pytest
import speech_models
import torch
import whisper_models
from clips import clip
from safetensors.torch import load_file, save_file
from speech_sounds import write_wav
from transformers import AutoTokenizer, WhisperFeatureExtractor, WhisperForConditionalGeneration
from transformers.models.whisper import generation_whisper

from rjcma import manifest
from rjcma.jobs import work
from rjcma.jobs.workers import Here
from rjcma.problem import Problem, Problems
from rjcma.speech import whisper_engine, whisper_model, whisper_network
from rjcma.speech.section import WhisperSettings
from rjcma.speech.sound import Sound
from rjcma.speech.transcribe_all import models, wrong_language
from rjcma.speech.whisper_engine import Whisper, engine
from rjcma.speech.whisper_network import Network, tight
from rjcma.speech.whisper_words import grouped
from rjcma.speech.words import Word, read
from rjcma.wav import RATE
from stages import transcribe

WINDOW = whisper_models.SECONDS * RATE
PROMPT = "<|startoftranscript|>", "<|en|>", "<|transcribe|>", "<|notimestamps|>"
HEADS = [[0, 1], [1, 0]]
"""Those that show the times in the tiny model, as its generation_config says."""


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return whisper_models.save(tmp_path_factory.mktemp("whisper"))


@pytest.fixture
def copy(model, tmp_path):
    """A copy of the model, to be damaged."""
    return shutil.copytree(model, tmp_path / "model")


def settings(model, **others):
    return WhisperSettings(engine="whisper", model=str(model), device="cpu", **others)


def noise(seconds, seed=1):
    """Sound as loud everywhere, so that no word is made shorter for silence."""
    return np.random.default_rng(seed).integers(-9000, 9000, round(seconds * RATE)).astype("<i2")


def heard(model, path, samples, **others):
    return engine(settings(model, **others)).words(Sound(write_wav(path, samples), "v"))


def by_the_library(model, samples, language):
    """The words of one window and their times, by a forward pass over what the library generates.

    As Whisper's own code does it: a token's time is where the decoder looks when it is written.
    """
    extractor = WhisperFeatureExtractor.from_pretrained(model)
    prepared = extractor(
        samples / np.float32(2**15),
        sampling_rate=RATE,
        return_attention_mask=True,
        return_tensors="pt",
    )
    network = WhisperForConditionalGeneration.from_pretrained(model, attn_implementation="eager")
    tokenizer = AutoTokenizer.from_pretrained(model)
    with torch.no_grad():
        asked = {"language": language, "task": "transcribe", "return_timestamps": False}
        sequence = network.eval().generate(**prepared, **asked, force_unique_generate_call=True)
        prompt = tokenizer.convert_tokens_to_ids(list(PROMPT))
        assert sequence[0, : len(prompt)].tolist() == prompt
        seen = network(
            prepared.input_features, decoder_input_ids=sequence, output_attentions=True
        ).cross_attentions
    heads = torch.stack([seen[layer][0, head] for layer, head in HEADS])
    rows = heads[:, len(prompt) - 1 : -1, : int(prepared.attention_mask.sum()) // 2]
    rows = (rows - rows.mean(-2, keepdim=True)) / rows.std(-2, keepdim=True, unbiased=False)
    matrix = generation_whisper._median_filter(rows, 7).mean(0)
    texts, times = generation_whisper._dynamic_time_warping(-matrix.double().numpy())
    begins = times[np.pad(np.diff(texts), (1, 0), constant_values=1).astype(bool)] * 0.02
    words, spans = [], []
    for n, token in enumerate(sequence[0, len(prompt) :].tolist()):
        spelt = tokenizer.decode([token], skip_special_tokens=True)
        if not spelt:
            continue
        end = begins[min(n + 1, len(begins) - 1)]
        if spelt.startswith(" ") or not words:
            words.append(spelt.strip())
            spans.append([begins[n], end])
        else:
            words[-1] += spelt
            spans[-1][1] = end
    return words, spans


@pytest.mark.parametrize("seconds", [3, 1.7])
@pytest.mark.parametrize("seed", [1, 2])
def test_words_and_times_of_a_window_are_those_of_the_library(tmp_path, seconds, seed):
    folder = whisper_models.save(tmp_path / "model", seed=seed)
    samples = noise(seconds, seed)
    texts, times = by_the_library(folder, samples, "en")
    words = heard(folder, tmp_path / "v.wav", samples, language="en")
    assert len(words) > 3
    assert [word.text for word in words] == texts
    np.testing.assert_allclose([word[1:3] for word in words], times, atol=1e-6)
    assert all(0 < word.confidence < 1 for word in words)


def test_long_sound_has_words_in_order_within_it_and_the_same_each_time(model, tmp_path):
    samples = noise(13.37)
    found = heard(model, tmp_path / "v.wav", samples, language="de")
    starts = [word.start for word in found]
    assert starts == sorted(starts) and starts[-1] > 10
    assert all(0 <= word.start <= word.end <= 13.37 for word in found)
    assert heard(model, tmp_path / "v.wav", samples, language="de") == found
    whisper_engine.transcribe(
        settings(model, language="de"), Sound(tmp_path / "v.wav", "v"), tmp_path / "v.json"
    )
    assert [word.text for word in read(tmp_path / "v.json")] == [word.text for word in found]


def tones(words):
    """A tone of a slot for each word that the computed Whisper knows; "" is silence."""
    time = np.arange(round(mini_whisper.SLOT * RATE)) / RATE
    waves = {word: np.sin(2 * np.pi * hertz * time) for word, hertz in mini_whisper.HERTZ.items()}
    return (9000 * np.concatenate([waves.get(word, 0 * time) for word in words])).astype("<i2")


@pytest.fixture(scope="module")
def mini(tmp_path_factory):
    return mini_whisper.save(tmp_path_factory.mktemp("mini"))


@pytest.mark.parametrize("slots", [1, 2, 14, 15, 16, 25, 26, 173])
def test_each_tone_is_a_word_at_its_time_through_any_number_of_windows(mini, tmp_path, slots):
    said = np.random.default_rng(slots).choice([*mini_whisper.HERTZ, ""], slots)
    said[0], said[40:70] = "you", ""  # windows without a word
    words = heard(mini, tmp_path / "v.wav", tones(said), language="en")
    expected = [(word, n * mini_whisper.SLOT) for n, word in enumerate(said) if word]
    assert [word.text for word in words] == [word for word, _ in expected]
    starts = np.array([start for _, start in expected])
    np.testing.assert_allclose([word.start for word in words], starts, atol=0.021)
    np.testing.assert_allclose([word.end for word in words], starts + 0.2, atol=0.021)
    assert all(word.confidence > 0.9 for word in words)


class Oracle:
    """In place of the network: it hears every burst that lies within a window by its loudness."""

    samples, says, is_multilingual = WINDOW, {"lang_to_id": {"<|en|>": 7}}, True

    def read(self, samples):
        assert len(samples) <= self.samples
        return samples

    def words(self, _, samples, language):
        assert language == "en"
        edges = np.flatnonzero(np.diff(samples, prepend=0, append=0))
        bounds = [*pairwise(edges)]
        return [
            Word(f"w{samples[a]}", a / RATE, b / RATE, 1.0)
            for a, b in bounds
            if samples[a] and a > 0 and b < len(samples)
        ]


def test_every_word_of_long_sound_is_there_once(tmp_path, monkeypatch):
    rng, samples, said = np.random.default_rng(3), np.zeros(61 * RATE, "<i2"), []
    at = 0.1
    while at < 60:
        length = rng.uniform(0.1, 0.9)
        said.append(Word(f"w{100 + len(said)}", at, at + length, 1.0))
        samples[round(at * RATE) : round((at + length) * RATE)] = 99 + len(said)
        at += length + rng.uniform(0.01, 0.4)
    monkeypatch.setattr(whisper_engine, "_network", lambda *_: Oracle())
    found = Whisper("any", language="en").words(Sound(write_wav(tmp_path / "v.wav", samples), "v"))
    assert len(said) > 60
    assert [word.text for word in found] == [word.text for word in said]
    np.testing.assert_allclose(
        [word[1:3] for word in found], [word[1:3] for word in said], atol=1.1 / RATE
    )


def test_progress_counts_the_windows_of_sound_of_any_length(tmp_path, monkeypatch):
    totals = []
    watched = lambda what, total, unit, items: totals.append(total) or items  # noqa: E731
    monkeypatch.setattr(whisper_engine, "watched", watched)
    lengths = [0, 1, 159, 160, 161, 320, 479, 480, 481, 800, 801, 1121]
    for samples in lengths:
        sound = Sound(write_wav(tmp_path / "v.wav", np.ones(samples, "<i2")), "v")
        found = [*whisper_engine._windows(sound, 480)]
        assert totals.pop() == len(found), f"of {samples} samples"


@pytest.mark.parametrize("seconds", [0, 1 / RATE, 0.03, 3, 7.5])
def test_silence_of_any_length_has_no_words(model, tmp_path, seconds):
    assert heard(model, tmp_path / "v.wav", np.zeros(round(seconds * RATE), "<i2")) == []


def test_the_shortest_sound_that_is_not_silent_can_be_heard(model, tmp_path):
    for samples in (1600, 1700):
        words = heard(model, tmp_path / "v.wav", noise(samples / RATE), language="en")
        assert words
        assert all(0 <= word.start <= word.end <= samples / RATE for word in words)
    assert heard(model, tmp_path / "v.wav", noise(1599 / RATE), language="en") == []


def test_no_words_where_whisper_finds_no_speech_and_is_unsure(model, tmp_path, monkeypatch):
    read_window = Network.read
    samples = noise(2)
    assert heard(model, tmp_path / "v.wav", samples, language="en")
    silent = lambda *args: read_window(*args)._replace(silence=0.9)  # noqa: E731
    monkeypatch.setattr(Network, "read", silent)
    assert heard(model, tmp_path / "v.wav", samples, language="en")  # it is sure of its words
    monkeypatch.setattr(whisper_network, "UNLIKELY", 0.0)
    assert heard(model, tmp_path / "v.wav", samples, language="en") == []


def test_a_word_has_no_silence_at_its_ends():
    samples = np.zeros(3 * RATE, "<i2")
    samples[RATE : RATE * 3 // 2] = noise(0.5)
    assert tight(samples, 0.0, 2.0) == (1.0, 1.5)
    assert tight(samples, 1.1, 1.3) == (1.1, 1.3)
    assert tight(samples, 0.2, 0.4) == (0.2, 0.4)  # all silent: as it is
    assert tight(samples, 0.2, 0.2) == (0.2, 0.2)
    assert tight(samples, 2.9, 3.0) == (2.9, 3.0)


@pytest.mark.parametrize(("before", "loud"), [(9000, 9000), (30_000, 900)])
def test_the_end_of_the_word_before_is_not_in_a_word(before, loud):
    """Whisper's times are float32: this 0.58 is a little before the frame that begins there."""
    samples = np.zeros(3 * RATE, "<i2")
    samples[round(0.3 * RATE) : round(0.58 * RATE)] = before
    samples[RATE : round(1.2 * RATE)] = loud
    assert float(np.float32(0.58)) < 0.58
    assert tight(samples, float(np.float32(0.58)), 1.2) == (1.0, 1.2)
    assert tight(samples, 0.3, float(np.float32(0.58))) == (0.3, float(np.float32(0.58)))


@pytest.mark.parametrize(
    ("pieces", "language", "expected"),
    [
        ([" He", "llo", ",", " you", "."], "en", ["Hello,", "you."]),
        ([" -", " so", " ♪"], "en", ["so"]),
        (["well", " so"], "en", ["well", "so"]),
        (['"', " No", '"'], "en", ['No"']),
        (["你", "好", "。"], "zh", ["你", "好。"]),
        ([], "en", []),
    ],
)
def test_tokens_are_grouped_into_words(pieces, language, expected):
    found = grouped(range(len(pieces)), lambda ts: "".join(pieces[t] for t in ts), language)
    assert [text for text, _ in found] == expected


@pytest.mark.parametrize("text", [" naïve café", " été — où ?", " ж日本\U0001f600x y"])
def test_characters_of_several_tokens_are_written_whole(text):
    tokenizer = whisper_models.tokenizer()
    found = grouped(tokenizer(text, add_special_tokens=False)["input_ids"], tokenizer.decode, "en")
    expected = [word for word in text.split() if any(map(str.isalnum, word))]
    assert [word for word, _ in found] == expected


def test_a_broken_character_spoils_no_word_after_it():
    tokenizer = whisper_models.tokenizer()
    half = tokenizer(" é", add_special_tokens=False)["input_ids"][:-1]
    the = tokenizer(" the", add_special_tokens=False)["input_ids"]
    found = grouped([*half, *the, *the], tokenizer.decode, "en")
    assert [word for word, _ in found] == ["the", "the"]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_a_gpu_hears_what_a_cpu_hears(mini, tmp_path, precision):
    said = np.random.default_rng(3).choice([*mini_whisper.HERTZ, ""], 71)
    path = write_wav(tmp_path / "v.wav", tones(said))
    words = Whisper(str(mini), "en", "cuda", precision).words(Sound(path, "v"))
    assert [word.text for word in words] == [word for word in said if word]
    alone = Whisper(str(mini), "en", "cpu").words(Sound(path, "v"))
    times = [[word.start, word.end] for word in alone]
    np.testing.assert_allclose([[w.start, w.end] for w in words], times, atol=0.021)


# ------------------------------------------------------------------------- languages


def test_without_a_language_the_one_that_the_model_finds_first_is_used_and_said(
    model, tmp_path, capsys
):
    samples = noise(7)
    found = heard(model, tmp_path / "v.wav", samples)
    lines = [line for line in capsys.readouterr().err.splitlines() if "detected" in line]
    assert len(lines) == 1
    extractor = WhisperFeatureExtractor.from_pretrained(model)
    first = extractor(samples[:WINDOW] / np.float32(2**15), sampling_rate=RATE, return_tensors="pt")
    network = WhisperForConditionalGeneration.from_pretrained(model).eval()
    token = int(network.detect_language(first.input_features)[0])
    spoken = AutoTokenizer.from_pretrained(model).convert_ids_to_tokens(token).strip("<|>")
    assert lines == [f"v: language {spoken} (detected)"]
    assert found == heard(model, tmp_path / "v.wav", samples, language=spoken)
    other = next(code for code in whisper_models.LANGUAGES if code != spoken)
    assert found != heard(model, tmp_path / "v.wav", samples, language=other)


def test_an_unknown_language_is_refused_with_those_that_the_model_knows(model, tmp_path):
    problem = wrong_language(settings(model, language="fr"))
    assert problem and "'fr'" in problem.found and "one of de, en, zh" in problem.expected
    with pytest.raises(Problem, match="one of de, en, zh"):
        heard(model, tmp_path / "v.wav", noise(1), language="fr")
    assert wrong_language(settings(model, language="de")) is None


def test_a_model_of_english_only_is_told_no_language(tmp_path):
    folder = whisper_models.save(tmp_path / "model", english=True)
    one = heard(folder, tmp_path / "v.wav", noise(2), language="en")
    assert one and one == heard(folder, tmp_path / "v.wav", noise(2))
    problem = wrong_language(settings(folder, language="de"))
    assert problem and "it knows English only" in problem.expected


# ------------------------------------------------------------------------- models


def test_the_identity_is_the_model_s_content_and_not_its_place(model, copy):
    key = "speech.model"
    assert models(settings(model))[key] == models(settings(copy))[key]
    (copy / "README").write_text("another")
    assert models(settings(model))[key] != models(settings(copy))[key]


def refusal(folder) -> Problem:
    """The problem with a folder that is checked but not loaded."""
    problem = models(settings(folder))["speech.model"]
    assert isinstance(problem, Problem) and problem.file == f"speech.model: {folder}"
    return problem


@pytest.mark.parametrize(
    "name",
    ["model.safetensors", "tokenizer.json", "preprocessor_config.json", "generation_config.json"],
)
def test_a_model_without_one_of_its_files_is_refused(copy, name):
    (copy / name).unlink()
    assert name in refusal(copy).found


@pytest.mark.parametrize(
    "key", ["no_timestamps_token_id", "eos_token_id", "lang_to_id", "task_to_id"]
)
def test_an_old_generation_config_is_refused(copy, key):
    rewrite(copy / "generation_config.json", **{key: None})
    assert f"a generation_config.json without {key}" in refusal(copy).found


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"eos_token_id": [5, 6]}, "with eos_token_id [5, 6]; expected the number of one token"),
        ({"eos_token_id": {}}, "with eos_token_id {}; expected the number of one token"),
        ({"decoder_start_token_id": "x"}, "with decoder_start_token_id 'x'; expected the number"),
        ({"lang_to_id": ["<|en|>"]}, "with lang_to_id ['<|en|>']; expected a token such as"),
        ({"lang_to_id": {}}, "with lang_to_id {}; expected a token such as"),
        ({"lang_to_id": {"en": 5}}, "with lang_to_id {'en': 5}; expected a token such as"),
        ({"lang_to_id": {"<|en|>": None}}, "with lang_to_id {'<|en|>': None}; expected a token"),
        ({"task_to_id": {"translate": 5}}, "with task_to_id {'translate': 5}; expected transcribe"),
    ],
)
def test_a_generation_config_of_other_values_is_refused(copy, values, found):
    rewrite(copy / "generation_config.json", **values)
    assert found in str(refusal(copy))
    assert wrong_language(settings(copy, language="en")) is None


@pytest.mark.parametrize("key", ["eos_token_id", "lang_to_id", "task_to_id"])
def test_null_in_a_generation_config_is_as_nothing(copy, key):
    path = copy / "generation_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: None}))
    assert f"a generation_config.json without {key}" in refusal(copy).found
    assert wrong_language(settings(copy, language="en")) is None


def test_the_generation_config_of_a_model_that_is_downloaded_is_checked(
    copy, tmp_path, monkeypatch
):
    rewrite(copy / "generation_config.json", eos_token_id=[5, 6])
    monkeypatch.setattr(whisper_model, "check", lambda _: None)
    with pytest.raises(Problem, match="with eos_token_id"):
        heard(copy, tmp_path / "v.wav", noise(1), language="en")


def test_a_list_of_one_token_that_ends_a_text_is_that_token(model, copy, tmp_path):
    path = copy / "generation_config.json"
    rewrite(path, eos_token_id=[json.loads(path.read_text())["eos_token_id"]])
    words = heard(copy, tmp_path / "v.wav", noise(2), language="en")
    assert words and words == heard(model, tmp_path / "v.wav", noise(2), language="en")


def rewrite(path, **values):
    """Change values of a JSON file; None takes one out."""
    content = json.loads(path.read_text()) | values
    path.write_text(json.dumps({k: v for k, v in content.items() if v is not None}))


def test_a_model_of_another_kind_is_refused(tmp_path):
    folder = speech_models.save(tmp_path / "model", "wav2vec2")
    problem = refusal(folder)
    assert "type wav2vec2" in problem.found and "Whisper" in problem.expected


def test_a_model_of_another_kind_is_refused_whatever_the_language_is(world):
    """It is said what model it is, and not that it knows no language."""
    (world / "model/config.json").write_text('{"model_type": "gpt2"}')
    (world / "model/generation_config.json").write_text('{"eos_token_id": 5}')
    with pytest.raises(Problem, match=r"speech\.model: .* a model of type gpt2"):
        run(world)


def test_a_model_that_is_nowhere_says_what_to_get():
    problem = models(settings("openai/no-such-whisper"))["speech.model"]
    assert "https://huggingface.co/openai/no-such-whisper" in str(problem)


def changed(folder, change):
    """Write the weights of a model after a change of their tensors."""
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda t: t.pop("model.decoder.layers.1.fc1.weight"), "weights missing: .*fc1.weight"),
        (lambda t: t.update({"model.decoder.extra": torch.ones(2)}), "weights unknown: .*extra"),
    ],
)
def test_weights_that_are_missing_or_too_many_are_named(copy, tmp_path, change, found):
    changed(copy, change)
    with pytest.raises(Problem, match=found):
        heard(copy, tmp_path / "v.wav", noise(1), language="en")


def test_damaged_weights_are_a_problem(copy, tmp_path):
    (copy / "model.safetensors").write_bytes(b"cut off")
    with pytest.raises(Problem, match="cannot read it"):
        heard(copy, tmp_path / "v.wav", noise(1), language="en")


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"sampling_rate": 8000}, "sound at 8000 Hz; expected 16000 Hz"),
        ({"chunk_length": 2, "n_samples": 32000}, "windows of 2 s; expected 3 s"),
        ({"feature_size": 5}, "5 mel bands; expected 8"),
        ({"feature_extractor_type": "Wav2Vec2FeatureExtractor"}, "a preprocessor Wav2Vec2"),
    ],
)
def test_a_preprocessor_of_another_model_is_refused(copy, tmp_path, values, found):
    rewrite(copy / "preprocessor_config.json", **values)
    with pytest.raises(Problem, match=found):
        heard(copy, tmp_path / "v.wav", noise(1), language="en")


def test_numbers_that_are_none_are_named_and_fp32_is_advised(copy, tmp_path):
    def spoil(tensors):
        tensors["model.decoder.layers.1.fc1.weight"][:] = float("nan")

    changed(copy, spoil)
    with pytest.raises(Problem, match=r"bfloat16 that gives what is no number.*fp32"):
        heard(copy, tmp_path / "v.wav", noise(1), language="en", precision="bf16")


def test_half_precision_hears_words(model, tmp_path):
    words = heard(model, tmp_path / "v.wav", noise(2), language="en", precision="bf16")
    assert words and all(0 <= word.confidence <= 1 for word in words)


def test_a_model_without_a_list_of_heads_takes_those_of_the_upper_layers(tmp_path, capsys):
    folder = whisper_models.save(tmp_path / "model", alignment_heads=None)
    words = heard(folder, tmp_path / "v.wav", noise(2), language="en")
    assert "no alignment_heads" in capsys.readouterr().err
    other = whisper_models.save(tmp_path / "other", alignment_heads=[[1, 0], [1, 1]])
    assert words == heard(other, tmp_path / "v.wav", noise(2), language="en")


# ------------------------------------------------------------------------- the stage


@pytest.fixture
def world(model, tmp_path, monkeypatch):
    """A manifest, the sound of two videos, one of them silent, and a copy of the model."""
    monkeypatch.setattr(work, "opened", lambda *_: nullcontext(Here()))
    shutil.copytree(model, tmp_path / "model")
    write_wav(tmp_path / "audio/a.wav", noise(5))
    write_wav(tmp_path / "audio/b.wav", np.zeros(5 * RATE, "<i2"))
    clips = [clip(name, 50, video=video, fps=10) for name, video in (("a", "a"), ("b_left", "b"))]
    manifest.write(tmp_path / "clips.jsonl", clips)
    return tmp_path


def run(world, **changes):
    """Stage transcribe with Whisper -> the time at which each file of words was written."""
    said = {"engine": "whisper", "model": str(world / "model"), "language": "en", "device": "cpu"}
    (world / "params.yaml").write_text(json.dumps({"speech": said | changes}))
    places = (world / "clips.jsonl", world / "audio", world / "words", world / "params.yaml")
    transcribe.main(*places)
    return {path.stem: path.stat().st_mtime_ns for path in (world / "words").glob("*.json")}


def test_the_stage_writes_the_words_of_each_video_once(world):
    before = run(world)
    assert read(world / "words/a.json") and read(world / "words/b.json") == []
    (world / "model").rename(world / "elsewhere")
    assert run(world, model=str(world / "elsewhere"), device="auto") == before
    assert run(world) == before  # where the model is missing, words that stand are kept
    after = run(world, model=str(world / "elsewhere"), language="de")
    assert all(after[video] != before[video] for video in after)


def test_a_language_that_is_unknown_stops_the_stage_before_anything_is_heard(world):
    with pytest.raises(Problem, match=r"speech\.language: found 'xx'; expected one of de, en, zh"):
        run(world, language="xx")
    assert not (world / "words").exists()


def test_a_model_that_cannot_be_loaded_is_one_line_and_leaves_no_words(world):
    changed(world / "model", lambda tensors: tensors.pop("model.decoder.layers.1.fc1.weight"))
    with pytest.raises(Problems) as caught:
        run(world)
    assert len(caught.value.problems) == 1 and "weights missing" in str(caught.value)
    assert not [*(world / "words").glob("*.json*")]


def test_a_sound_that_cannot_be_used_is_named_and_the_others_are_heard(world):
    (world / "audio/b.wav").write_bytes(b"not a WAV file")
    with pytest.raises(Problems) as caught:
        run(world)
    assert [problem.clip for problem in caught.value.problems] == ["b"]
    assert read(world / "words/a.json")
