"""Runs and their keys: when a run is kept, taken over or trained again; and its curves."""

from __future__ import annotations

import json
import shutil
import subprocess

import h5py
import numpy as np
import pytest
import stand_in
import tiny_corpus
from dvc.repo import Repo
from places import ROOT
from pydantic import TypeAdapter

from rjcma import manifest, store
from rjcma.encoders.settings import Encoders
from rjcma.fusion.settings import Fusion
from rjcma.jobs import code
from rjcma.problem import Problem
from rjcma.training import curves, engines, history, runs
from rjcma.training.checkpoint import Checkpoint
from rjcma.training.history import Epoch
from rjcma.training.request import Data
from rjcma.training.runs import FILES, Digests, train_run


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    path = tmp_path_factory.mktemp("corpus")
    tiny_corpus.write(path)
    return path


@pytest.fixture
def root(corpus, tmp_path):
    """A corpus that the test may change."""
    return shutil.copytree(corpus, tmp_path / "corpus")


@pytest.fixture
def trainer(monkeypatch):
    return stand_in.Trainer(monkeypatch)


def requested(mode="precompute", fold=0, target="valence", change=lambda settings: settings, **how):
    return tiny_corpus.run(change(tiny_corpus.settings(mode, **how)), fold, target)


def state(folder):
    """All files of a folder: inode, time and content."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    stats = {path: path.stat() for path in paths}
    return {p: (s.st_ino, s.st_mtime_ns, p.read_bytes()) for p, s in stats.items()}


def test_a_run_with_an_unchanged_key_is_kept_untouched_and_not_trained_again(
    root, tmp_path, trainer
):
    out = tmp_path / "valence-0"
    tiny_corpus.trained(root, out, requested())
    before = state(out)
    assert {path.name for path in before} == {*FILES, ".keys"}
    tiny_corpus.trained(root, out, requested())
    assert state(out) == before and len(trainer.asked) == 1


def test_the_files_of_a_real_run_are_kept(root, tmp_path, monkeypatch):
    out = tmp_path / "valence-0"
    tiny_corpus.trained(root, out, requested(epochs=1))
    before, trainer = state(out), stand_in.Trainer(monkeypatch)
    tiny_corpus.trained(root, out, requested(epochs=1))
    assert state(out) == before and not trainer.asked


def test_a_run_that_is_done_leaves_no_checkpoint(root, tmp_path, trainer):
    """Neither does a run that was killed after its end, before its checkpoint was removed."""
    out, checkpoint = tmp_path / "valence-0", tmp_path / "checkpoints" / "valence-0.pt"
    checkpoint.parent.mkdir()
    for _ in range(2):
        checkpoint.write_bytes(b"the last epoch")
        tiny_corpus.trained(root, out, requested(), checkpoint=checkpoint)
        assert not checkpoint.exists()
    tiny_corpus.trained(root, out, requested(), checkpoint=checkpoint)
    assert len(trainer.asked) == 1


SETTINGS = {
    "training": {"clip_norm": 0.5},
    "the seed": {"seed": 2},
    "the target": {"target": "arousal"},
    "the fold": {"fold": 1},
    "the number of folds": {"change": lambda s: s._replace(folds=3)},
    "recursions": {"change": lambda s: s._replace(recursions=1)},
    "windows": {"change": lambda s: s._replace(windows=s.windows.model_copy(update={"stride": 5}))},
    "fusion": {"change": lambda s: s._replace(fusion=s.fusion.model_copy(update={"hidden": 5}))},
}


@pytest.mark.parametrize("what", SETTINGS)
def test_other_settings_are_another_run(what, root, tmp_path, trainer):
    for how in ({}, SETTINGS[what], SETTINGS[what]):
        tiny_corpus.trained(root, tmp_path / "run", requested(**how))
    assert len(trainer.asked) == 2


def relabelled(root, column):
    path = root / "labels" / "cleo.npy"
    values = np.load(path)
    values[7, column] += 0.125
    np.save(path, values)


def refeatured(root, feature, name):
    path = root / feature / f"{name}.h5"
    with h5py.File(path) as file:
        rows, index = file["rows"][...], file["index"][...] if "index" in file else None
    store.write(path, rows + 1, index)


def reclipped(root):
    clips = manifest.read(root / "clips.jsonl")
    manifest.write(root / "clips.jsonl", [c for c in clips if c.name != "fred"])


INPUTS = {
    "a label of its target": lambda root: relabelled(root, 0),
    "a feature": lambda root: refeatured(root, "audio", "anna"),
    "a feature of a test clip": lambda root: refeatured(root, "text", "fred"),
    "the clips": reclipped,
}


@pytest.mark.parametrize("what", INPUTS)
def test_other_inputs_are_another_run(what, root, tmp_path, trainer):
    tiny_corpus.trained(root, tmp_path / "run", requested())
    INPUTS[what](root)
    for _ in range(2):
        tiny_corpus.trained(root, tmp_path / "run", requested())
    assert len(trainer.asked) == 2


def fused(kind):
    """A change to this kind of fusion."""

    def change(settings):
        shared = settings.fusion.model_dump(exclude={"kind"})
        fusion = TypeAdapter(Fusion).validate_python({**shared, "kind": kind})
        return settings._replace(fusion=fusion)

    return change


def silent(settings):
    """A change to fusion without text."""
    fusion = settings.fusion.model_copy(update={"modalities": ("visual", "audio")})
    return settings._replace(fusion=fusion)


def encoded(**keys):
    """A change of these keys of section `encoders`."""

    def change(settings):
        plain = settings.encoders.model_dump()
        for key, value in keys.items():
            plain[key] = {**plain[key], **value} if isinstance(value, dict) else value
        return settings._replace(encoders=Encoders.model_validate(plain))

    return change


def test_labels_of_another_target_do_not_change_a_run(root, tmp_path, trainer):
    targets = ("valence", "arousal")
    for target in targets:
        tiny_corpus.trained(root, tmp_path / target, requested(target=target))
    before = state(tmp_path / "valence")
    relabelled(root, 1)
    for target in targets:
        tiny_corpus.trained(root, tmp_path / target, requested(target=target))
    assert [run.target for run in trainer.asked] == ["valence", "arousal", "arousal"]
    assert state(tmp_path / "valence") == before


def test_a_feature_of_an_unused_modality_does_not_change_a_run(root, tmp_path, trainer):
    tiny_corpus.trained(root, tmp_path / "run", requested(change=silent))
    refeatured(root, "text", "anna")
    tiny_corpus.trained(root, tmp_path / "run", requested(change=silent))
    assert len(trainer.asked) == 1


def recursed(settings):
    return fused("concat")(settings)._replace(recursions=7)


ALIKE = {
    "recursions of a fusion without": ({"change": fused("concat")}, {"change": recursed}),
    "how stage encode runs": (
        {},
        {"change": encoded(batch=3, precision="bf16", device="cpu")},
    ),
    "encoders whose vectors are read": (
        {},
        {"change": encoded(visual={"kind": "ir_resnet50"}, audio={"kind": "vggish"})},
    ),
    "the device": ({"device": "cpu"}, {"device": "auto"}),
}


@pytest.mark.parametrize("what", ALIKE)
def test_settings_without_effect_do_not_change_a_run(what, root, tmp_path, trainer):
    for how in ALIKE[what]:
        tiny_corpus.trained(root, tmp_path / "run", requested(**how))
    assert len(trainer.asked) == 1


def test_weights_that_encoders_start_from_count_by_content_and_not_by_place(
    root, tmp_path, trainer
):
    def started(name, content):
        (tmp_path / name).write_bytes(content)
        change = encoded(visual={"weights": str(tmp_path / name)})
        how = requested("finetune", change=change)
        tiny_corpus.trained(root, tmp_path / "run", how, "finetune")
        return len(trainer.asked)

    places = [("a", b"1"), ("a", b"1"), ("b", b"1"), ("b", b"2")]
    assert [started(*each) for each in places] == [1, 1, 1, 2]


def test_missing_weights_are_needed_only_to_train(root, tmp_path, trainer):
    path = tmp_path / "weights.safetensors"
    path.write_bytes(b"1")
    how = requested("finetune", change=encoded(visual={"weights": str(path)}))
    tiny_corpus.trained(root, tmp_path / "run", how, "finetune")
    path.unlink()
    tiny_corpus.trained(root, tmp_path / "run", how, "finetune")
    with pytest.raises(Problem, match=r"weights.safetensors: found no such file; .*visual"):
        tiny_corpus.trained(root, tmp_path / "other", how, "finetune")
    assert len(trainer.asked) == 1


def test_a_run_needs_memory_for_the_weights_of_each_encoder_that_it_trains(tmp_path):
    file, model = tmp_path / "weights", tmp_path / "model"
    file.write_bytes(bytes(1000))
    model.mkdir()
    for name, size in (("config.json", 7), ("a.safetensors", 20), ("b.safetensors", 30)):
        (model / name).write_bytes(bytes(size))
    (model / "pytorch_model.bin").write_bytes(bytes(50))  # the same weights again

    def needed(mode, visual, **audio):
        change = encoded(visual={"weights": str(visual)}, audio=audio)
        return runs.needs(requested(mode, change=change)).memory - runs.RUN_MEMORY

    transformers = {"kind": "transformers", "weights": str(model)}
    assert needed("precompute", file) == needed("finetune", tmp_path / "missing") == 0
    assert needed("finetune", file) == runs.COPIES * 1000
    assert needed("finetune", file, **transformers) == runs.COPIES * 1050


def rewritten(monkeypatch, path):
    """Make the code of a file count as changed."""
    trees, changed = code._tree, ROOT / path
    assert changed.is_file()
    monkeypatch.setattr(code, "_tree", lambda p: "other" if p == changed else trees(p))


@pytest.mark.parametrize(
    ("path", "mode", "trainings"),
    [
        ("rjcma/training/loop.py", "precompute", 2),
        ("rjcma/fusion/rjcma.py", "precompute", 2),
        ("rjcma/encoders/compact_visual.py", "finetune", 2),
        ("rjcma/concordance.py", "precompute", 2),
        ("rjcma/encoders/vggish.py", "finetune", 1),
        ("rjcma/encoders/compact_visual.py", "precompute", 1),
        ("rjcma/fusion/transformer.py", "precompute", 1),
        ("rjcma/scoring/metrics.py", "precompute", 1),
        ("rjcma/jobs/work.py", "precompute", 1),
        ("rjcma/params.py", "precompute", 1),
    ],
)
def test_a_change_of_code_that_a_run_uses_trains_it_again(
    path, mode, trainings, root, tmp_path, trainer, monkeypatch
):
    tiny_corpus.trained(root, tmp_path / "run", requested(mode), mode)
    rewritten(monkeypatch, path)
    tiny_corpus.trained(root, tmp_path / "run", requested(mode), mode)
    assert len(trainer.asked) == trainings


@pytest.mark.parametrize(("library", "trainings"), [("torch", 2), ("accelerate", 2), ("vosk", 1)])
def test_another_version_of_a_library_used_in_training_trains_a_run_again(
    library, trainings, root, tmp_path, trainer, monkeypatch
):
    version = code.version
    tiny_corpus.trained(root, tmp_path / "run", requested())
    monkeypatch.setattr(code, "version", lambda name: "9" if name == library else version(name))
    tiny_corpus.trained(root, tmp_path / "run", requested())
    assert len(trainer.asked) == trainings


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("how", ["lost", "edited"])
def test_a_lost_or_edited_file_makes_the_run_train_again(how, name, root, tmp_path, trainer):
    out = tmp_path / "run"
    tiny_corpus.trained(root, out, requested())
    content = (out / name).read_bytes()
    (out / name).unlink()
    if how == "edited":
        (out / name).write_bytes(content + b" ")
    tiny_corpus.trained(root, out, requested())
    assert len(trainer.asked) == 2 and (out / name).read_bytes() == content


def test_a_run_is_taken_over_from_another_folder(root, tmp_path, trainer, capsys):
    other, out = tmp_path / "other", tmp_path / "valence-0"
    tiny_corpus.trained(root, other, requested())
    before = state(other)
    tiny_corpus.trained(root, out, requested(), elsewhere=[tmp_path / "none", other])
    assert len(trainer.asked) == 1 and state(other) == before
    for name in (*FILES, ".keys"):
        assert (out / name).read_bytes() == (other / name).read_bytes()
        assert (out / name).stat().st_nlink == 1 and not (out / name).is_symlink()
    shutil.rmtree(other)
    tiny_corpus.trained(root, out, requested(), elsewhere=[other])
    assert len(trainer.asked) == 1


def test_a_run_of_other_settings_or_of_another_seed_is_not_taken_over(root, tmp_path, trainer):
    other = tmp_path / "other"
    tiny_corpus.trained(root, other, requested())
    for how in ({"seed": 2}, {"clip_norm": 0.5}, {"target": "arousal"}):
        tiny_corpus.trained(root, tmp_path / str(how), requested(**how), elsewhere=[other])
    assert len(trainer.asked) == 4


def test_a_run_that_was_edited_elsewhere_is_not_taken_over(root, tmp_path, trainer):
    other, out = tmp_path / "other", tmp_path / "valence-0"
    tiny_corpus.trained(root, other, requested())
    whole = (other / "run.json").read_bytes()
    (other / "run.json").write_bytes(b"{}")
    tiny_corpus.trained(root, out, requested(), elsewhere=[other])
    assert len(trainer.asked) == 2 and (out / "run.json").read_bytes() == whole


def test_a_process_that_is_not_the_main_one_trains_and_writes_nothing(
    root, tmp_path, trainer, monkeypatch
):
    """The main process handles the files: it keeps a run or trains it."""
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setattr(trainer, "train", lambda *arguments: trainer.asked.append(arguments[0]))
    monkeypatch.setattr(stand_in.training, "train", trainer.train)
    checkpoint = tmp_path / "valence-0.pt"
    checkpoint.write_bytes(b"of the first process")
    tiny_corpus.trained(root, tmp_path / "run", requested(), checkpoint=checkpoint)
    assert len(trainer.asked) == 1 and not (tmp_path / "run").exists()
    assert checkpoint.exists()


def test_no_process_trains_a_run_that_is_kept_or_taken_over(root, tmp_path, trainer, monkeypatch):
    tiny_corpus.trained(root, tmp_path / "run", requested())
    monkeypatch.setenv("RANK", "1")
    tiny_corpus.trained(root, tmp_path / "run", requested())
    tiny_corpus.trained(root, tmp_path / "new", requested(), elsewhere=[tmp_path / "run"])
    assert len(trainer.asked) == 1


def test_labels_that_do_not_fit_their_clip_are_reported_before_training(root):
    np.save(root / "labels" / "anna.npy", np.zeros((30, 2), np.float32))
    with pytest.raises(Problem, match=r"clip anna: .*found float32 of shape \(30, 2\)"):
        Digests.of(tiny_corpus.data(root))


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A DVC repository to draw curves in."""
    folder = tmp_path / "repository"
    folder.mkdir()
    Repo.init(str(folder), no_scm=True).close()
    monkeypatch.chdir(folder)
    return folder


def drawn(out, name="ccc"):
    """A curve as (epoch, value)."""
    lines = (out / f"live/plots/metrics/{name}.tsv").read_text().splitlines()
    assert lines[0].split() == ["step", name]
    return [(int(step), float(value)) for step, value in map(str.split, lines[1:])]


def epochs(out, name="ccc"):
    return [(e.epoch, getattr(e, name)) for e in history.read(out / "history.csv")]


def test_curves_are_those_of_the_history(root, repository):
    out = tiny_corpus.trained(root, repository / "run", requested(), curves=True)
    assert len(drawn(out)) == 3
    for name in ("ccc", "loss", "learning_rate", "released"):
        assert drawn(out, name) == epochs(out, name)


def test_curves_of_the_run_itself_are_kept(root, repository):
    out = tiny_corpus.trained(root, repository / "run", requested(epochs=1), curves=True)
    before = state(out)
    tiny_corpus.trained(root, out, requested(epochs=1), curves=True)
    assert state(out) == before


def test_a_run_that_is_taken_over_gets_the_same_curves(root, repository):
    one = tiny_corpus.trained(root, repository / "one", requested(), curves=True)
    other = tiny_corpus.trained(root, repository / "other", requested())
    assert not (other / "live").exists()
    two = tiny_corpus.trained(root, repository / "two", requested(), elsewhere=[other], curves=True)
    for name in ("ccc", "loss", "learning_rate", "released"):
        path = f"live/plots/metrics/{name}.tsv"
        assert (two / path).read_bytes() == (one / path).read_bytes()


def test_a_killed_and_resumed_run_has_the_curves_of_one_that_was_not_killed(
    root, repository, monkeypatch
):
    one = tiny_corpus.trained(root, repository / "one", requested(), curves=True)
    how = {"checkpoint": repository / "valence-0.pt", "curves": True}
    save = Checkpoint.save

    def save_and_die(checkpoint, state):
        save(checkpoint, state)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Checkpoint, "save", save_and_die)
        tiny_corpus.trained(root, repository / "two", requested(), **how)
    two = tiny_corpus.trained(root, repository / "two", requested(), **how)
    for name in ("ccc", "loss", "learning_rate", "released"):
        path = f"live/plots/metrics/{name}.tsv"
        assert (two / path).read_bytes() == (one / path).read_bytes()


OTHERS = {
    "of other values": [Epoch(n, 1.0, 0.5, 1e-5, 0) for n in (1, 2, 3)],
    "of a run that was killed": stand_in.HISTORY[:2],
    "of a longer run": [*stand_in.HISTORY, Epoch(4, 0.5, 0.1, 1e-5, 0)],
}


@pytest.mark.parametrize("what", OTHERS)
def test_curves_of_another_run_in_the_folder_are_drawn_again(what, root, repository, trainer):
    out = repository / "run"
    tiny_corpus.trained(root, out, requested())
    curves.draw(out / "live", OTHERS[what])
    assert drawn(out) != epochs(out)
    tiny_corpus.trained(root, out, requested(), curves=True)
    assert len(trainer.asked) == 1
    for name in ("ccc", "loss", "learning_rate", "released"):
        assert drawn(out, name) == epochs(out, name)


@pytest.mark.parametrize("content", ["", "step", "step\tccc\n1\t", "step\tccc\nno\tnumber\n"])
def test_damaged_curves_are_drawn_again(content, root, repository, trainer):
    out = repository / "run"
    tiny_corpus.trained(root, out, requested(), curves=True)
    (out / "live/plots/metrics/ccc.tsv").write_text(content)
    tiny_corpus.trained(root, out, requested(), curves=True)
    assert len(trainer.asked) == 1 and drawn(out) == epochs(out)


@pytest.mark.parametrize("git", [False, True])
def test_a_run_is_kept_without_curves_if_none_can_be_drawn(
    git, root, tmp_path, trainer, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    reason = "this is no DVC repository"
    if git:
        reason = "the repository has no commit"
        subprocess.run(["git", "init", "-q"], check=True)
        Repo.init(str(tmp_path)).close()
    for _ in range(2):
        out = tiny_corpus.trained(root, tmp_path / "run", requested(), curves=True)
        assert f"no curves, since {reason}" in capsys.readouterr().err
    assert {path.name for path in out.iterdir()} == {*FILES, ".keys"} and len(trainer.asked) == 1


def test_features_that_refer_to_inputs_that_were_not_pulled_stop_a_run_but_no_kept_one(
    root, tmp_path
):
    clips, run = manifest.read(root / "clips.jsonl"), requested("finetune", epochs=1)
    folders = {**tiny_corpus.folders(root, "finetune"), "visual": root / "references"}
    folders["visual"].mkdir()
    for clip in clips:
        store.refer(root / "faces" / f"{clip.name}.h5", "-", folders["visual"] / f"{clip.name}.h5")
    data = Data(clips, root / "labels", folders)
    train_run(run, data, Digests.of(data), tmp_path / "valence-0")
    for name in ("anna", "bert"):
        (root / "faces" / f"{name}.h5").unlink()
    train_run(run, data, Digests.of(data), tmp_path / "valence-0")  # it needs no input
    with pytest.raises(Problem, match=r"faces: found no files of 2 clips \(anna, bert\); .*pull"):
        train_run(run, data, Digests.of(data), tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_a_run_says_by_what_its_features_were_made_and_that_is_in_no_key(root, tmp_path, trainer):
    said, out = tmp_path / "engines.json", tmp_path / "run"
    said.write_text(json.dumps({"params": {"text": {"model": "m"}}, "models": {"text.model": "d"}}))
    tiny_corpus.trained(root, out, requested(), engines=said)
    record = engines.read(out)
    assert record is not None and record.range == (-1.0, 1.0)
    assert record.params == {"text": {"model": "m"}} and record.models == {"text.model": "d"}
    said.write_text(json.dumps({"params": {}, "models": {}}))
    tiny_corpus.trained(root, out, requested(), engines=said)
    assert len(trainer.asked) == 1
    assert engines.read(out).params == {}
