from __future__ import annotations

from typing import Annotated, Literal

import pytest
from pydantic import Field

from rjcma.params import SECTIONS, Section, load
from rjcma.problem import Problem


class Part(Section):
    kind: Literal["compact", "large"] = "compact"


class Windows(Section):
    frames: int = Field(300, ge=1)
    part: Part = Part()


def params(tmp_path, text):
    path = tmp_path / "params.yaml"
    path.write_text(text)
    return path


def problem(tmp_path, text, name="windows", kind=Windows):
    with pytest.raises(Problem) as caught:
        load(params(tmp_path, text), name, kind)
    line = str(caught.value)
    assert "\n" not in line and "params.yaml" in line
    return line


def test_a_section_is_read_with_its_defaults(tmp_path):
    assert load(params(tmp_path, "windows: {frames: 7}"), "windows", Windows).frames == 7
    assert load(params(tmp_path, "windows: {}"), "windows", Windows).part.kind == "compact"


def test_a_top_level_number_is_a_section_too(tmp_path):
    positive = Annotated[int, Field(ge=1)]
    assert load(params(tmp_path, "recursions: 4"), "recursions", positive) == 4
    line = problem(tmp_path, "recursions: 0", "recursions", positive)
    assert "recursions = 0" in line and "greater than or equal to 1" in line


def test_a_misspelt_key_is_named_with_the_keys_that_are_known(tmp_path):
    line = problem(tmp_path, "windows: {frame: 7}")
    assert "windows.frame = 7" in line and "frames, part" in line


def test_a_misspelt_key_inside_a_part_is_named_with_the_keys_of_that_part(tmp_path):
    line = problem(tmp_path, "windows: {part: {kin: large}}")
    assert "windows.part.kin" in line and "one of the keys kind;" in line


def test_a_misspelt_section_is_named_with_the_sections_that_are_known(tmp_path):
    line = problem(tmp_path, "window: {frames: 7}")
    assert "key window" in line and ", ".join(SECTIONS) in line


def test_an_impossible_value_is_named_with_what_is_allowed(tmp_path):
    assert "windows.frames = 0" in problem(tmp_path, "windows: {frames: 0}")
    assert "'compact' or 'large'" in problem(tmp_path, "windows: {part: {kind: huge}}")
    assert "windows.frames = 'many'" in problem(tmp_path, "windows: {frames: many}")


def test_a_missing_section_is_said(tmp_path):
    assert "no section windows" in problem(tmp_path, "recursions: 3")


def test_what_is_no_yaml_or_no_mapping_is_said(tmp_path):
    assert "expected YAML" in problem(tmp_path, "windows: {frames: 7")
    assert "sections by name" in problem(tmp_path, "- windows")
    assert "duplicate key" in problem(tmp_path, "windows: {frames: 7}\nwindows: {frames: 8}")


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(Problem, match="no such file"):
        load(tmp_path / "none.yaml", "windows", Windows)


def test_a_section_cannot_be_changed(tmp_path):
    with pytest.raises(ValueError, match="frozen"):
        load(params(tmp_path, "windows: {}"), "windows", Windows).frames = 8
