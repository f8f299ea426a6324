"""Which runs an ablation trains, what it remembers of them, and its stage as a whole."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
import tiny_corpus
from closure import closure
from ruamel.yaml import YAML

from rjcma import manifest
from rjcma.ablation import measure as ablation
from rjcma.ablation.row_settings import KINDS, changed
from rjcma.ablation.trials import CODE, Files, identity, trial, trials
from rjcma.concordance import ccc
from rjcma.corpus import labels
from rjcma.problem import Problem, Problems
from rjcma.scoring.settings import Runs
from stages.ablate import main as ablate

WANTED = Runs(targets=("valence",), folds=(0,))
BOTH = Runs(targets=("valence", "arousal"), folds=(0, 1))


@pytest.fixture
def files(tmp_path):
    root = tmp_path / "corpus"
    tiny_corpus.write(root)
    return Files(root / "clips.jsonl", root / "labels", tiny_corpus.folders(root))


def settings(**changes):
    return changed(
        tiny_corpus.settings(), {k.replace("__", "."): v for k, v in changes.items()}, ""
    )


class Trainer:
    """Stands in for training: notes what it was asked for, and predicts a little of the truth."""

    def __init__(self, monkeypatch):
        self.asked, self.found = [], []
        monkeypatch.setattr(ablation, "train", self.train)

    def train(self, clips, label_folder, folders, out, target, fold, asked, *, checkpoints):
        self.asked.append((asked, target, fold))
        if checkpoints:
            self.found.append(sorted(path.name for path in checkpoints.glob("*")))
            checkpoints.mkdir(parents=True, exist_ok=True)
            (checkpoints / "at").write_text("epoch 5")
            if asked.recursions == 19:
                raise KeyboardInterrupt
            (checkpoints / "at").unlink()
        print("an epoch")
        if asked.recursions == 13:
            raise Problem(clip="cleo", file="x.h5", found="f", expected="e", cure="c")
        if asked.recursions == 17:
            raise ZeroDivisionError("oops")
        out.mkdir(parents=True)
        validation = [clip.name for clip in clips if clip.partition == "validation"]
        card = {"target": target, "fold": fold, "train": ["anna"], "validation": validation}
        (out / "run.json").write_text(json.dumps({**card, "best_epoch": 2, "ccc": 0.1}))
        (out / "history.csv").write_text("epoch,loss,ccc,rate\n1,1,0.1,1e-5\n2,0.8,0.2,1e-5\n")
        with h5py.File(out / "predictions.h5", "w") as file:
            for clip in clips:
                file.create_dataset(clip.name, data=self.prediction(clip))
        return SimpleNamespace(best=SimpleNamespace(epoch=2), history=[None, None, None])

    @staticmethod
    def prediction(clip):
        return np.linspace(-0.5, 0.7, clip.frames, dtype=np.float32)


@pytest.fixture
def trainer(monkeypatch):
    return Trainer(monkeypatch)


def run(wanted, files, folder):
    with ThreadPoolExecutor(1) as executor:
        ablation.run(wanted, files, folder, executor)


def rows(**by_name):
    return {("table", name): one for name, one in by_name.items()}


def test_every_row_is_trained_once_a_seed_target_and_fold():
    found = trials(rows(a=settings(recursions=1), b=settings(recursions=2)), BOTH, [3, 5, 7])
    assert len(found) == len({one.name for one in found}) == 2 * 3 * 2 * 2


def test_rows_of_the_same_settings_in_two_tables_share_their_runs():
    same = {("one", "l = 3"): settings(recursions=3), ("two", "RJCMA"): settings(recursions=3)}
    found = trials(same, BOTH, [3])
    assert len(found) == 4 and {one.row for one in found} == {"l = 3"}


def test_each_run_has_a_seed_of_its_own_and_rows_share_them():
    found = trials(rows(a=settings(recursions=1), b=settings(recursions=2)), BOTH, [3, 5])
    seeds = {r: [one.settings.training.seed for one in found if one.row == r] for r in "ab"}
    assert seeds["a"] == seeds["b"] and len(set(seeds["a"])) == 8


def test_a_runs_name_tells_settings_apart_but_not_seeds():
    assert identity(settings(recursions=1)) != identity(settings(recursions=2))
    assert identity(settings()) == identity(tiny_corpus.settings(seed=99))
    assert identity(settings()) != identity(settings(training__labels="permuted"))


def test_a_run_leaves_its_ccc_and_each_clips(trainer, files, tmp_path):
    (one,) = trials(rows(a=settings()), WANTED, [3])
    run([one], files, tmp_path / "runs")
    found = ablation.read(tmp_path / "runs", [one])[one.name]
    clips = {c.name: c for c in manifest.read(files.clips) if c.partition == "validation"}
    truth = {name: labels.read(files.labels, clip)[:, 0] for name, clip in clips.items()}
    predicted = {name: trainer.prediction(clip) for name, clip in clips.items()}
    assert found.clips == {n: pytest.approx(ccc(predicted[n], truth[n])) for n in ("dora", "emil")}
    joined = [np.concatenate([d[name] for name in sorted(clips)]) for d in (predicted, truth)]
    assert found.ccc == pytest.approx(ccc(*joined))
    assert (found.best_epoch, found.epochs) == (2, 3)
    card = json.loads((tmp_path / "runs" / f"{one.name}.json").read_text())
    assert card["settings"]["training"]["seed"] == one.settings.training.seed
    assert (card["target"], card["fold"], card["seed"]) == ("valence", 0, 3)


def test_what_was_trained_is_not_trained_again(trainer, files, tmp_path):
    two = trials(rows(a=settings(recursions=1), b=settings(recursions=2)), WANTED, [3])
    run(two[:1], files, tmp_path / "runs")
    run(two, files, tmp_path / "runs")
    assert [asked.recursions for asked, _, _ in trainer.asked] == [1, 2]
    renamed = trials(rows(z=settings(recursions=2)), WANTED, [3])
    run(renamed, files, tmp_path / "runs")
    assert len(trainer.asked) == 2
    assert len(list((tmp_path / "runs").glob("*.json"))) == 1  # what no row asks for is gone


def test_changed_features_are_trained_on_anew_by_the_rows_that_read_them(trainer, files, tmp_path):
    asked = rows(av=settings(fusion__modalities=["visual", "audio"]), all=settings())
    both = trials(asked, WANTED, [3])
    run(both, files, tmp_path / "runs")
    path = files.features["text"] / "anna.h5"
    content = path.read_bytes()
    path.write_bytes(content + b"\0")
    run(both, files, tmp_path / "runs")
    modalities = [len(asked.fusion.modalities) for asked, _, _ in trainer.asked]
    assert modalities == [2, 3, 3]


@pytest.mark.parametrize("what", ["labels", "clips"])
def test_changed_labels_and_clips_train_everything_anew(trainer, files, tmp_path, what):
    one = trials(rows(a=settings()), WANTED, [3])
    run(one, files, tmp_path / "runs")
    if what == "labels":
        path = files.labels / "anna.npy"
        values = np.load(path)
        values[7] += 0.125
        np.save(path, values)
    else:
        clips = manifest.read(files.clips)
        manifest.write(files.clips, [c.model_copy(update={"video": "v" + c.name}) for c in clips])
    run(one, files, tmp_path / "runs")
    assert len(trainer.asked) == 2


def test_weights_that_encoders_start_from_count_by_content(trainer, files, tmp_path):
    path = tmp_path / "w.safetensors"
    one = trials(rows(a=settings(encoders__visual__weights=str(path))), WANTED, [3])
    for content in (b"1", b"1", b"2"):
        path.write_bytes(content)
        run(one, files, tmp_path / "runs")
    assert len(trainer.asked) == 2


def test_a_run_that_fails_names_its_row_and_stops_no_other(trainer, files, tmp_path):
    asked = rows(bad=settings(recursions=13), bug=settings(recursions=17), good=settings())
    wanted = trials(asked, WANTED, [3])
    with pytest.raises(Problems) as caught:
        run(wanted, files, tmp_path / "runs")
    said = str(caught.value)
    assert "clip cleo: row bad, valence, fold 0, seed 3: x.h5: found f" in said
    assert "row bug, valence, fold 0, seed 3, test_ablation_runs.py:" in said
    assert "ZeroDivisionError('oops')" in said
    assert [one.row for one in wanted if (tmp_path / "runs" / f"{one.name}.json").is_file()] == [
        "good"
    ]


def test_a_killed_run_finds_its_own_checkpoint_again_and_leaves_none_in_the_end(
    trainer, files, tmp_path
):
    files = files._replace(checkpoints=tmp_path / "checkpoints")
    (killed,) = trials(rows(a=settings(recursions=19)), WANTED, [3])
    (other,) = trials(rows(b=settings()), WANTED, [3])
    for one in (killed, other, killed):
        with suppress(KeyboardInterrupt):
            ablation.measure(one, files, tmp_path / "out.json")
    assert trainer.found == [[], [], ["at"]]
    assert [path.name for path in files.checkpoints.iterdir()] == [killed.name]


def test_what_training_prints_is_not_shown(trainer, files, tmp_path, capfd):
    run(trials(rows(a=settings()), WANTED, [3]), files, tmp_path / "runs")
    assert "an epoch" not in "".join(capfd.readouterr())


def test_the_code_that_counts_is_all_that_training_uses():
    used = {path.relative_to("rjcma").as_posix() for path in closure(Path("rjcma/training/run.py"))}
    moves_nothing = {  # errors, the carrying of params and clips, and what only names them
        "clipwise.py",
        "command.py",
        "params.py",
        "problem.py",
        "timeline.py",
        "corpus/annotation.py",
        "corpus/manifest.py",
        "corpus/settings.py",
    }
    left = {path for path in used if path not in CODE and path.split("/")[0] not in CODE}
    assert left <= moves_nothing


def test_a_trials_settings_are_its_rows_but_for_the_seed():
    one = trial("a", settings(recursions=5), "arousal", 1, 7)
    assert one.settings.recursions == 5
    own = tiny_corpus.settings().training.model_dump(exclude={"seed"})
    assert one.settings.training.model_dump(exclude={"seed"}) == own


def test_the_stage_trains_compares_and_keeps(tmp_path, monkeypatch):
    monkeypatch.setenv("RJCMA_WORKERS", "1")
    root, report = tmp_path / "corpus", tmp_path / "report"
    tiny_corpus.write(root)
    base = tiny_corpus.settings(epochs=2, select_by="held_out")
    params = {name: _plain(getattr(base, name)) for name in [*KINDS, "corpus"]}
    params["runs"] = {"targets": ["valence"], "folds": [0]}
    _write(tmp_path / "params.yaml", params)
    two = [{"name": "l = 1", "set": {"recursions": 1}}, {"name": "l = 2", "set": {"recursions": 2}}]
    table = {"about": "Recursions", "reference": "l = 2", "rows": two}
    _write(tmp_path / "rows.yaml", {"seeds": [1], "tables": {"recursions": table}})
    features = tiny_corpus.folders(root).values()
    arguments = [root / "clips.jsonl", root / "labels", *features, tmp_path / "rows.yaml"]
    options = {"params": tmp_path / "params.yaml", "checkpoints": tmp_path / "checkpoints"}
    ablate(*arguments, tmp_path / "runs", report, **options)
    names = {path.name for path in report.iterdir()}
    assert names == {"tables.md", "recursions.csv", "all-runs.csv", "rows.png"}
    kept = {p.name: (p.stat().st_mtime_ns, p.read_bytes()) for p in (tmp_path / "runs").iterdir()}
    written = {path.name: path.read_bytes() for path in report.iterdir()}
    assert len(kept) == 3  # two runs and their ledger
    assert not list((tmp_path / "checkpoints").iterdir())
    ablate(*arguments, tmp_path / "runs", report, **options)
    again = {p.name: (p.stat().st_mtime_ns, p.read_bytes()) for p in (tmp_path / "runs").iterdir()}
    assert again == kept
    assert {path.name: path.read_bytes() for path in report.iterdir()} == written


def _plain(section):
    return section if isinstance(section, int) else section.model_dump(mode="json")


def _write(path, content):
    YAML(typ="safe").dump(content, path)
