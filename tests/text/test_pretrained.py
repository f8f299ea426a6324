"""Where models are, what identifies them, and the one line that says what is missing."""

import shutil
import socket
from pathlib import Path

import huggingface_hub.constants
import pytest
import text_models
from transformers import AutoModel

from rjcma.params import load
from rjcma.problem import Problem
from rjcma.text.model_files import identity, locate
from rjcma.text.pretrained import load_pretrained
from rjcma.text.settings import FULLSTOP, MultilingualSettings, Punctuation, Text


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return text_models.bert(tmp_path_factory.mktemp("bert"))


@pytest.fixture(autouse=True)
def hub_cache(tmp_path, monkeypatch):
    """An empty cache of the hub, and no network: a request fails the test."""

    def refuse(host, *_, **__):
        raise AssertionError(f"a request to {host}")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    return tmp_path / "hub"


def test_a_folder_is_a_model_and_its_identity_is_its_content(folder, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    assert locate(str(folder), key="k") == str(folder)
    assert identity(str(copy), key="k") == identity(str(folder), key="k")
    (copy / "config.json").write_text("{}")
    assert identity(str(copy), key="k") != identity(str(folder), key="k")


def test_a_package_that_carries_a_model_is_found_without_being_imported(tmp_path, monkeypatch):
    inside = tmp_path / "a_package_with_a_model" / "model"
    inside.mkdir(parents=True)
    (inside / "config.json").write_text("{}")
    (inside.parent / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    assert locate("package:a_package_with_a_model", key="k") == str(inside)


def test_a_hub_name_is_found_in_the_cache_and_known_by_its_revision(folder, hub_cache):
    kept, revision = hub_cache / "models--some--bert", "0123456789abcdef0123456789abcdef01234567"
    (kept / "refs").mkdir(parents=True)
    (kept / "refs" / "main").write_text(revision)
    shutil.copytree(folder, kept / "snapshots" / revision)
    assert identity("some/bert", key="k") == f"some/bert@{revision}"
    assert load_pretrained("some/bert", AutoModel, key="k").config.hidden_size == 28


@pytest.mark.parametrize("name", [FULLSTOP, "bert-base-uncased", "models/not-there", "a/b/c"])
def test_a_model_that_is_not_here_is_a_line_that_says_where_to_get_it(name):
    with pytest.raises(Problem) as caught:
        locate(name, key="text.model")
    line = str(caught.value)
    assert str(identity(name, key="text.model")) == line  # given, not raised
    assert line.startswith(f"text.model: {name}: found no such folder")
    assert f"https://huggingface.co/{name}" in line and "HF_HUB_OFFLINE=0" in line


@pytest.mark.parametrize("name", ["package:no_such_package", "package:json", "package:../x"])
def test_a_package_without_a_model_is_a_problem(name):
    with pytest.raises(Problem, match=r"found no (such package|model in that package)"):
        locate(name, key="k")


def test_a_folder_without_a_model_is_a_problem(tmp_path):
    with pytest.raises(Problem, match=r"found a folder without config\.json"):
        locate(str(tmp_path), key="k")


@pytest.mark.parametrize(
    "file, content",
    [("model.safetensors", b"cut off"), ("model.safetensors", None), ("config.json", b"{")],
)
def test_a_spoilt_model_is_a_problem(folder, tmp_path, file, content):
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    (copy / file).unlink()
    if content is not None:
        (copy / file).write_bytes(content)
    with pytest.raises(Problem) as caught:
        load_pretrained(str(copy), AutoModel, key="k")
    assert "\n" not in str(caught.value) and str(copy) in str(caught.value)


# ------------------------------------------------------------------------- params


PACKAGE = "engine: deepmultilingualpunctuation"


def test_the_defaults_are_the_papers_models():
    assert MultilingualSettings(engine="deepmultilingualpunctuation").model == FULLSTOP
    assert Text().model == "bert-base-uncased"


@pytest.mark.parametrize(
    "text, said",
    [
        (
            "{engine: pause}",
            "found punctuation.engine = 'pause'; expected one of deepmultilingualp",
        ),
        ("{model: x}", "found punctuation.engine = no value; expected one of deepmultilingualp"),
        (
            f"{{{PACKAGE}, model: null}}",
            "found punctuation.model = null; expected a model's folder",
        ),
        (f"{{{PACKAGE}, model: ''}}", "found punctuation.model = ''; expected a model's folder"),
        ("{engine: pauses, stop_pause: 0.1}", "expected a pause at least as long as comma_pause"),
        (
            "{engine: pauses, comma_pause: -1}",
            "found punctuation.comma_pause = -1; expected greate",
        ),
        (f"{{{PACKAGE}, modle: x}}", "found punctuation.modle = 'x'; expected one of the keys eng"),
        (f"{{{PACKAGE}, comma_pause: 1}}", "expected one of the keys engine, model, device; to do"),
    ],
)
def test_a_mistake_in_the_section_punctuation_is_one_line(tmp_path, text, said):
    (tmp_path / "params.yaml").write_text(f"punctuation: {text}")
    with pytest.raises(Problem) as caught:
        load(tmp_path / "params.yaml", "punctuation", Punctuation)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "text, said",
    [
        ("text: {batch: 0}", "found text.batch = 0; expected greater than or equal to 1"),
        ("text: {model: null}", "found text.model = null; expected text; to do: correct"),
        ("text: {window: many}", "found text.window = 'many'; expected a whole number; to do"),
    ],
)
def test_a_mistake_in_the_section_text_is_one_line(tmp_path, text, said):
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(Problem) as caught:
        load(tmp_path / "params.yaml", "text", Text)
    assert said in str(caught.value)
