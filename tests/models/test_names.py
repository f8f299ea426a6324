"""Names of files that come from elsewhere."""

from __future__ import annotations

from pathlib import Path, PureWindowsPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rjcma.models.names import is_plain


@given(st.text(st.sampled_from("ab./\\\\: \0\n~"), max_size=12))
@example("..")
@example("a/../../b")
@example("C:b")
def test_a_plain_name_stays_below_its_folder_on_every_system(name):
    if is_plain(name):
        assert (Path("/x/y") / name).resolve().is_relative_to("/x/y")
        windows = PureWindowsPath(name)
        assert not windows.drive and not windows.root and ".." not in windows.parts
        assert "/".join(Path(name).parts) == name


@pytest.mark.parametrize("name", ["words.txt", "graph/phones/word_boundary.int", "a b.json", "é"])
def test_names_that_models_have_are_plain(name):
    assert is_plain(name)
