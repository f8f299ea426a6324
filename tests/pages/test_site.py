"""The folder of pages: complete or not there, the same bytes, and text that stays text."""

from __future__ import annotations

import base64
import json
import os
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import ChoiceLoader, DictLoader
from scoring_world import files

from rjcma.pages import palette, site
from rjcma.pages.site import building, packed, plotly_text, script_json
from rjcma.scoring import style


def build(folder, title="A title") -> None:
    with building(folder, "Report") as pages:
        pages.page("index.html", "plain.html", title=title)


@pytest.fixture
def plain_template(monkeypatch):
    """A template that only shows the title."""
    known = site._templates()
    own = '{% extends "base.html" %}{% block content %}{{ title }}{% endblock %}'
    loader = ChoiceLoader([DictLoader({"plain.html": own}), known.loader])
    templates = known.overlay(loader=loader)
    monkeypatch.setattr(site, "_templates", lambda: templates)


pytestmark = pytest.mark.usefixtures("plain_template")


def test_the_same_content_gives_the_same_bytes(tmp_path):
    build(tmp_path / "a")
    build(tmp_path / "b")
    assert files(tmp_path / "a") == files(tmp_path / "b")


def test_everything_that_a_page_names_is_in_the_folder(tmp_path):
    build(tmp_path)
    text = (tmp_path / "index.html").read_text()
    named = re.findall(r'(?:src|href)="([^"#]+)"', text)
    local = [name for name in named if not name.startswith("data:")]
    assert len(local) > 4
    assert all((tmp_path / name).is_file() for name in local)


def test_an_error_leaves_the_earlier_pages_and_nothing_else(tmp_path):
    build(tmp_path)
    (tmp_path / "notes.txt").write_text("notes")
    before = files(tmp_path)
    with pytest.raises(RuntimeError), building(tmp_path, "Report") as pages:
        pages.page("index.html", "plain.html", title="another")
        raise RuntimeError
    assert files(tmp_path) == before


def test_new_pages_replace_all_earlier_ones_and_write_into_no_link(tmp_path):
    folder, cached = tmp_path / "report", tmp_path / "cached"
    build(folder)
    cached.write_text("cached")
    (folder / "clips" / "gone.html").write_text("gone")
    (folder / "index.html").unlink()
    os.link(cached, folder / "index.html")
    build(folder)
    assert not (folder / "clips" / "gone.html").exists()
    assert cached.read_text() == "cached"


HOSTILE = """</script><script>alert(1)</script>"'&{{ 7 * 7 }}"""


def test_a_title_with_markup_is_shown_as_text(tmp_path):
    build(tmp_path, title=HOSTILE)
    text = (tmp_path / "index.html").read_text()
    assert "<script>alert" not in text and "&lt;script&gt;alert" in text and "7 * 7" in text


@given(st.recursive(st.text() | st.integers() | st.booleans(), st.lists, max_leaves=5))
def test_data_in_scripts_comes_back_as_it_was_and_cannot_end_a_script(value):
    text = script_json(value)
    assert json.loads(text) == value
    assert not set("<>&") & set(text) and text.isascii()


def test_a_number_that_no_script_can_hold_is_an_error():
    with pytest.raises(ValueError, match="not JSON compliant"):
        script_json({"ccc": float("nan")})


@given(st.lists(st.floats(width=32), max_size=7), st.sampled_from([np.float32, np.float64]))
def test_a_packed_array_holds_the_same_numbers(values, kind):
    content = packed(np.array(values, kind))
    read = np.frombuffer(base64.b64decode(content["bdata"]), np.dtype("<" + content["dtype"]))
    np.testing.assert_array_equal(read, np.array(values, np.float32))


def test_an_array_of_more_dimensions_has_its_shape():
    assert packed(np.zeros((2, 3)))["shape"] == "2, 3"
    assert packed(np.arange(5))["dtype"] == "i4" and packed(np.zeros(2, np.uint8))["dtype"] == "u1"


def test_text_for_figures_holds_no_markup():
    assert plotly_text("<a href='x'>&amp;") == "&lt;a href='x'&gt;&amp;amp;"


def test_the_colours_of_pages_are_those_of_the_pictures(tmp_path):
    build(tmp_path)
    text = (tmp_path / "assets" / "style.css").read_text()
    light = dict(re.findall(r"--([a-z]+): light-dark\((#[0-9a-f]{6}),", text))
    assert {colour: name for name, colour in light.items() if colour in palette.NAMES} == (
        palette.NAMES
    )
    assert set(palette.NAMES) == {*style.COLOURS.values(), *style.OTHERS}
