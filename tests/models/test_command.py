"""`rjcma models` as a user types it, with a registry of a lab's own and its server."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import pytest
from places import ROOT

from rjcma import cli
from rjcma.speech import vosk_model

SAMPLE = ROOT / "models/vosk-sample"

REGISTRY = """
[vosk]
purpose = "the sample's voice"
params = "speech: {{engine: vosk, model: models/vosk-sample}}"
key = "speech.model"
lands = "vosk-sample"
url = "{url}/vosk-sample.zip"

[lost]
purpose = "nothing"
params = "text: {{model: models/lost}}"
key = "text.model"
lands = "lost"
url = "{url}/lost"

[own]
purpose = "what only the user has"
params = "text: {{model: models/own}}"
key = "text.model"
lands = "own"
ask = "look under your desk"
"""


@pytest.fixture
def rjcma(server, tmp_path, monkeypatch, capsys):
    """Run `rjcma models` with this registry -> exit status, standard output, standard error."""
    registry = tmp_path / "registry.toml"
    registry.write_text(REGISTRY.format(url=server.url))
    with zipfile.ZipFile(tmp_path / "packed", "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(SAMPLE.rglob("*")):
            file.write(path, path.relative_to(SAMPLE.parent).as_posix())
    server.files["/vosk-sample.zip"] = (tmp_path / "packed").read_bytes()

    def run(*words: str) -> tuple[int, str, str]:
        command = ["rjcma", "models", *words, "--registry", str(registry)]
        monkeypatch.setattr(sys, "argv", command)
        with pytest.raises(SystemExit) as left:
            cli.main()
        printed = capsys.readouterr()
        return int(left.value.code or 0), printed.out, printed.err

    return run


def test_a_fetched_model_is_one_that_the_pipeline_takes(rjcma):
    status, printed, _ = rjcma("fetch", "vosk")
    assert status == 0
    assert "in params.yaml: speech: {engine: vosk, model: models/vosk-sample}" in printed
    fetched = vosk_model.identity("models/vosk-sample")
    assert fetched == vosk_model.identity(str(SAMPLE))
    assert rjcma("check", "vosk")[1].startswith("vosk: models/vosk-sample, unverified")


def test_a_model_that_cannot_be_had_does_not_keep_the_others_from_coming(rjcma):
    status, printed, problems = rjcma("fetch", "lost", "own", "vosk")
    assert status == 1 and "vosk: models/vosk-sample" in printed
    [lost, own] = problems.splitlines()
    assert lost.startswith("problem: ") and "answer 404" in lost
    assert own.startswith("problem: ") and "look under your desk" in own
    assert Path("models/vosk-sample").is_dir()


def test_the_list_shows_what_a_user_must_know(rjcma):
    status, printed, _ = rjcma("list")
    assert status == 0
    assert "vosk  (not in models)" in printed and "look under your desk" in printed
    assert "sha256    not known here" in printed
    rjcma("fetch", "vosk")
    assert "vosk  (in models)" in rjcma("list", "vosk")[1]


def test_check_ends_with_1_if_a_model_has_changed(rjcma):
    rjcma("fetch", "vosk")
    assert rjcma("check")[0] == 0
    Path("models/vosk-sample/README").write_text("edited")
    status, printed, problems = rjcma("check")
    assert status == 1 and "another README" in problems
    assert "lost: not here" in printed


def test_a_name_that_is_unknown_is_a_line(rjcma):
    status, printed, problems = rjcma("fetch", "vosc")
    assert (status, printed) == (1, "") and "vosk" in problems
    assert len(problems.splitlines()) == 1
