"""Any text encoder of transformers, any layers: as the library's own call; what is refused."""

import json
import shutil

import h5py
import numpy as np
import pytest
import speech_models
import text_models
import torch
import transformers as t
from clips import clip
from safetensors.torch import load_file, save_file
from transformers import AutoModel, AutoTokenizer

from rjcma.jobs import provenance
from rjcma.problem import Problem, Problems
from rjcma.speech.words import Word, write
from rjcma.text import checked
from rjcma.text.embed_all import embed_all
from rjcma.text.embedding import Embedder
from rjcma.text.layered import LayeredEmbedder
from rjcma.text.settings import Text
from rjcma.text.windows import best_windows, cut

SENTENCE = ["so", "you", "are,", "my", "friend.", "disappointed", "a"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Of an encoder by name; made once."""
    made = {}

    def get(name):
        if name not in made:
            made[name] = text_models.save(tmp_path_factory.mktemp(name), name)
        return made[name]

    return get


@pytest.fixture(autouse=True)
def forget():
    checked.check.cache_clear()


def settings(model, **others):
    return Text(model=str(model), device="cpu", **others)


def direct(folder, words, layers, combine):
    """Vectors by a direct call of transformers on the words as running text, in one window."""
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder)
    text = "".join(f" {word}" for word in words)
    asked = {"return_offsets_mapping": True, "return_special_tokens_mask": True}
    inputs = tokenizer(text, return_tensors="pt", **asked)
    offsets = inputs.pop("offset_mapping")[0].tolist()
    real = inputs.pop("special_tokens_mask")[0].numpy() == 0
    ends = np.cumsum([len(word) + 1 for word in words])
    with torch.no_grad():
        states = model.eval()(**inputs, output_hidden_states=True).hidden_states
    chosen = [states[layer][0].numpy() for layer in layers]
    together = {
        "sum": lambda: sum(chosen),
        "mean": lambda: sum(chosen) / len(chosen),
        "concat": lambda: np.concatenate(chosen, -1),
    }[combine]()
    owners = np.searchsorted(ends, [end for _, end in offsets])
    return np.stack([together[real & (owners == n)].mean(0) for n in range(len(words))])


@pytest.mark.parametrize("name", text_models.ENCODERS)
@pytest.mark.parametrize(
    ("layers", "combine"),
    [(None, "sum"), (None, "mean"), ((-1,), "sum"), ((0, 3, -2), "concat"), ((2, 2), "mean")],
)
def test_vectors_are_those_of_the_library_s_own_call(folder, name, layers, combine):
    which = settings(folder(name), layers=layers, combine=combine)
    found = LayeredEmbedder(which).embed(SENTENCE)
    expected = direct(folder(name), SENTENCE, layers or (-4, -3, -2, -1), combine)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=2e-5)


@pytest.mark.parametrize("name", sorted(text_models.ENCODERS.keys() - {"modernbert"}))
def test_the_default_is_what_it_was_before_layers_could_be_chosen(folder, name):
    before, now = (each(settings(folder(name))) for each in (Embedder, LayeredEmbedder))
    np.testing.assert_array_equal(now.embed(SENTENCE), before.embed(SENTENCE))


@pytest.mark.parametrize("name", text_models.ENCODERS)
def test_a_long_transcript_is_read_to_the_last_position_of_the_model(folder, name):
    rng = np.random.default_rng(5)
    words = ["".join(rng.choice(list("bcdfg"), rng.integers(1, 7))) for _ in range(41)]
    which = settings(folder(name), layers=(-1,))
    embedder = LayeredEmbedder(which)
    assert embedder.size == 38 - 2
    lengths = [len(part) for part in embedder._subwords(words)]
    windows = cut(lengths, embedder.size)
    assert len(windows) > 5
    each = [direct(folder(name), words[start:stop], (-1,), "sum") for start, stop in windows]
    expected = [each[n][u - windows[n].start] for u, n in enumerate(best_windows(windows, lengths))]
    np.testing.assert_allclose(embedder.embed(words), expected, atol=2e-5)


def test_positions_that_a_model_has_and_does_not_use_are_not_read(folder):
    embedder = LayeredEmbedder(settings(folder("nystromformer"), layers=(-1,)))
    assert embedder.size == 38 - 2  # it has 40 position embeddings
    assert np.isfinite(embedder.embed(["abc"] * 40)).all()


@pytest.mark.parametrize("name", text_models.ENCODERS)
def test_half_precision_is_near_and_finite(folder, name):
    full = LayeredEmbedder(settings(folder(name))).embed(SENTENCE)
    half = LayeredEmbedder(settings(folder(name), precision="bf16")).embed(SENTENCE)
    assert half.dtype == np.float32
    assert 0 < np.abs(half - full).max() < 0.1 * np.abs(full).max()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
@pytest.mark.parametrize("name", text_models.ENCODERS)
@pytest.mark.parametrize("precision, near", [("fp32", 1e-3), ("bf16", 0.1), ("fp16", 0.02)])
def test_a_gpu_gives_the_same_vectors(folder, name, precision, near):
    alone = LayeredEmbedder(settings(folder(name))).embed(SENTENCE)
    which = Text(model=str(folder(name)), device="cuda", precision=precision)
    found = LayeredEmbedder(which).embed(SENTENCE)
    np.testing.assert_allclose(found, alone, atol=near * np.abs(alone).max())


# ------------------------------------------------------------------------- which function


def made_by(which, tmp_path, name="out"):
    """The function that made the vectors of a clip, by their provenance, and the vectors."""
    transcripts = tmp_path / "transcripts"
    transcripts.mkdir(exist_ok=True)
    words = [Word(text, 0.5 * n, 0.5 * n + 0.4, 1.0) for n, text in enumerate(SENTENCE)]
    write(transcripts / "v.json", words)
    embed_all([clip("v", 31, fps=7.0)], transcripts, tmp_path / name, which)
    about = provenance.read(tmp_path / name / "v.h5")
    with h5py.File(tmp_path / name / "v.h5") as file:
        return about["function"], file["rows"][...], file["index"][...]


@pytest.mark.parametrize(
    ("name", "others", "expected"),
    [
        ("roberta", {}, "embed"),
        ("roberta", {"layers": [-1]}, "layered"),
        ("roberta", {"combine": "concat"}, "layered"),
        ("deberta", {}, "embed"),
        ("modernbert", {}, "layered"),  # its words need their spaces
    ],
)
def test_only_what_could_not_be_done_before_has_a_new_key(folder, tmp_path, name, others, expected):
    which = settings(folder(name), **others)
    function, rows, index = made_by(which, tmp_path)
    assert function == f"rjcma.text.{expected}:embed_video"
    layers = others.get("layers", (-4, -3, -2, -1))
    vectors = direct(folder(name), SENTENCE, layers, others.get("combine", "sum"))
    np.testing.assert_allclose(rows, vectors, atol=2e-5)
    assert index.tolist()[:8] == [0, 0, 0, -1, 1, 1, 1, 2]


def test_a_stretch_of_a_video_keeps_its_own_words_only(folder, tmp_path):
    which = settings(folder("roberta"), layers=[-1])
    _, rows, _ = made_by(which, tmp_path)
    part = clip("v", 7, fps=7.0).model_copy(update={"name": "part", "first": 7, "stretch": True})
    embed_all([part], tmp_path / "transcripts", tmp_path / "part", which)
    with h5py.File(tmp_path / "part" / "part.h5") as file:
        used = file["index"][...]
        spoken = sorted({*used.tolist()} - {-1})
        assert file["rows"].shape[0] == len(spoken) < len(rows)


# ------------------------------------------------------------------------- what is refused


def refusal(model, tmp_path, **others) -> Problem:
    """The problem with a model, before anything is made; nothing is left."""
    with pytest.raises(Problem) as caught:
        made_by(settings(model, **others), tmp_path)
    assert not [*(tmp_path / "out").glob("*.h5*")]
    return caught.value


def other_model(kind, folder):
    """A tiny model that is no text encoder, with a tokenizer."""
    sizes = {"vocab_size": 300}
    small = {"d_model": 8, "num_heads": 2, "d_kv": 4, "d_ff": 8, "num_layers": 1}
    built = {
        "gpt2": lambda: t.GPT2Model(t.GPT2Config(n_embd=8, n_layer=1, n_head=2, **sizes)),
        "t5": lambda: t.T5Model(t.T5Config(**small, **sizes)),
        "vit": lambda: t.ViTModel(
            t.ViTConfig(
                hidden_size=8,
                num_hidden_layers=1,
                num_attention_heads=2,
                intermediate_size=8,
                image_size=16,
                patch_size=8,
            )
        ),
    }[kind]()
    text_models.save(folder, "modernbert")
    (folder / "model.safetensors").unlink()
    built.save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("gpt2", "a model of type gpt2, which sees of each word only what was said before"),
        ("t5", "a model of type t5, which writes text"),
        ("vit", "a model of type vit, which reads pixel_values"),
    ],
)
def test_a_model_that_is_no_text_encoder_is_refused(tmp_path, kind, found):
    problem = refusal(other_model(kind, tmp_path / "model"), tmp_path)
    assert problem.found == found and "a text encoder" in problem.expected


def test_a_speech_model_is_no_text_encoder(tmp_path):
    problem = refusal(speech_models.save(tmp_path / "model", "wav2vec2"), tmp_path)
    assert "type wav2vec2, which reads input_values" in problem.found


@pytest.fixture
def copy(folder, tmp_path):
    """A copy of an encoder, to be damaged."""
    return shutil.copytree(folder("roberta"), tmp_path / "model")


def rewrite(path, **values):
    """Change values of a JSON file."""
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def changed(folder, change):
    """Write the weights of a model after a change of their tensors."""
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})


LAST = "encoder.layer.4.output.dense.weight"


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda w: w.pop(LAST), f"weights missing: {LAST} (1)"),
        (lambda w: w.update({LAST.replace("4", "9"): w[LAST].clone()}), "weights unknown: encoder"),
        (lambda w: w.update({LAST: torch.zeros(3, 5)}), "cannot read it"),
    ],
)
@pytest.mark.parametrize("others", [{}, {"layers": [-1]}])
def test_weights_that_are_missing_too_many_or_of_another_size_are_refused(
    copy, tmp_path, change, found, others
):
    changed(copy, change)
    assert found in refusal(copy, tmp_path, **others).found


def test_weights_of_a_classifier_are_not_needed_and_a_pooler_may_be_missing(copy, tmp_path):
    def trimmed(weights):
        weights["classifier.weight"] = torch.zeros(2, 28)
        for name in [name for name in weights if "pooler" in name]:
            del weights[name]

    changed(copy, trimmed)
    made_by(settings(copy), tmp_path)


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "config.json"])
def test_a_folder_without_one_of_its_files_is_refused(copy, tmp_path, name):
    (copy / name).unlink()
    if name == "tokenizer.json":
        (copy / "tokenizer_config.json").unlink()
    problem = refusal(copy, tmp_path)
    assert problem.file == f"text.model: {copy}" and "\n" not in str(problem)


@pytest.mark.parametrize(
    "content",
    [
        "[]",
        '{"pre_tokenizer": "ByteLevel"}',
        '{"pre_tokenizer": {"type": "Sequence", "pretokenizers": 1}}',
    ],
)
def test_a_tokenizer_file_of_another_content_is_refused(folder, tmp_path, content):
    model = shutil.copytree(folder("modernbert"), tmp_path / "model")
    (model / "tokenizer.json").write_text(content)
    problem = refusal(model, tmp_path)
    assert problem.file == f"text.model: {model}" and "\n" not in str(problem)


def test_a_model_that_needs_code_of_its_own_is_refused(copy, tmp_path):
    own = {"AutoConfig": "configuration_own.Own", "AutoModel": "modeling_own.Own"}
    rewrite(copy / "config.json", model_type="own-kind", auto_map=own)
    ran = tmp_path / "ran"
    for name in ("configuration_own", "modeling_own"):
        (copy / f"{name}.py").write_text(f"open({str(ran)!r}, 'w')\nclass Own: pass\n")
    assert "code of its own, which is never run" in refusal(copy, tmp_path).found
    assert not ran.exists()


def test_the_tokenizer_of_another_model_is_refused(copy, folder, tmp_path):
    t.BertTokenizer(vocab={f"w{n}": n for n in range(999)}).save_pretrained(copy)
    rewrite(copy / "tokenizer_config.json", tokenizer_class="BertTokenizer")
    assert "tokens and a model that knows 289" in refusal(copy, tmp_path).found


@pytest.mark.parametrize("layers", [[6], [-7], [0, 99]])
def test_layers_that_the_model_does_not_have_are_named(folder, tmp_path, layers):
    with pytest.raises(Problems, match=r"text\.layers with .*layers from 0 to 5, or from -6 to -1"):
        made_by(settings(folder("roberta"), layers=layers), tmp_path)


def test_numbers_that_are_none_are_named_and_fp32_is_advised(copy, tmp_path):
    changed(copy, lambda weights: weights[LAST].fill_(float("inf")))
    with pytest.raises(Problems, match=r"bf16 that gives what is no number.*fp32"):
        made_by(settings(copy, precision="bf16"), tmp_path)


def test_a_tokenizer_in_python_alone_is_read_too(tmp_path):
    folder = tmp_path / "model"
    text_models.save(folder, "distilbert")
    (folder / "tokenizer.json").unlink()
    letters = {c: n for n, c in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"soyuaremy.,"])}
    (folder / "vocab.txt").write_text("\n".join(letters))
    slow = t.BertJapaneseTokenizer(
        folder / "vocab.txt", word_tokenizer_type="basic", subword_tokenizer_type="character"
    )
    assert not slow.is_fast
    slow.save_pretrained(folder)
    _, rows, _ = made_by(settings(folder), tmp_path)
    assert rows.shape == (len(SENTENCE), 28)
    model = AutoModel.from_pretrained(folder).eval()
    words = [slow.convert_tokens_to_ids(slow.tokenize(word)) for word in SENTENCE]
    ids = [slow.cls_token_id, *(n for word in words for n in word), slow.sep_token_id]
    with torch.no_grad():
        states = model(torch.tensor([ids]), output_hidden_states=True).hidden_states
    summed, at = sum(state[0] for state in states[-4:]).numpy(), 1
    for word, row in zip(words, rows, strict=True):
        np.testing.assert_allclose(row, summed[at : at + len(word)].mean(0), atol=2e-5)
        at += len(word)
