"""Stage encode: precomputed vectors of every clip, or references to an encoder's inputs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import tiny_corpus
import torch
from encoder_settings import chosen, encoders
from safetensors.torch import save_file

from rjcma import manifest, store
from rjcma.encoders import backbones, inputs, keys
from rjcma.encoders.encode_all import encode_all
from rjcma.jobs import adoption
from rjcma.jobs.digests import digest_file
from rjcma.jobs.work import Work
from rjcma.problem import Problem, Problems
from rjcma.training import clip_data, network
from rjcma.training.sections import Settings
from rjcma.vision import augmentation
from stages import encode

FEATURES = {"visual": "faces", "audio": "logmel"}
PRECOMPUTED, TRAINED = {"mode": "precompute"}, {"mode": "finetune"}


@pytest.fixture
def root(tmp_path) -> Path:
    """A corpus of a few clips, without the vectors that stage encode writes."""
    tiny_corpus.write(tmp_path)
    for modality in FEATURES:
        for path in (tmp_path / modality).iterdir():
            path.unlink()
    return tmp_path


def run(root: Path, modality="visual", seed=1, clips=None, **changes) -> Path:
    """Do the stage's work -> its folder."""
    clips = manifest.read(root / "clips.jsonl") if clips is None else clips
    folder, out = root / FEATURES[modality], root / modality
    encode_all(modality, clips, folder, out, encoders(**changes), seed)
    return out


def work(root: Path, modality="visual", seed=1, **changes) -> Work:
    """The work that the stage would do."""
    clips = manifest.read(root / "clips.jsonl")
    arguments = (clips, root / FEATURES[modality], root / modality, encoders(**changes), seed)
    found = adoption.work_of(encode_all, modality, *arguments)
    assert found is not None
    return found


def stamps(out: Path) -> dict[str, tuple[int, int]]:
    """Inode and time of each file: they change when a file is made again."""
    stats = {path.name: path.stat() for path in sorted(out.glob("*.h5"))}
    return {name: (stat.st_ino, stat.st_mtime_ns) for name, stat in stats.items()}


def contents(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(out.glob("*.h5"))}


def rows(path: Path) -> np.ndarray:
    with h5py.File(path) as file:
        return np.asarray(file["rows"])


def changed_face(root: Path, clip) -> None:
    """Change the faces of one clip."""
    path = root / "faces" / f"{clip.name}.h5"
    values = 255 - inputs.reader(root / "faces", clip, "visual").read(0, clip.frames)
    path.unlink()
    store.write(path, values)


def weights_file(path: Path, modality="visual", seed=7) -> dict[str, str]:
    """Write a compact encoder's weights to a file -> the params keys that name it."""
    torch.manual_seed(seed)
    save_file(backbones.build(modality, chosen(modality)).state_dict(), path)
    return {"mode": "precompute", "weights": str(path)}


# Mode finetune: references.


@pytest.mark.parametrize("modality", FEATURES)
def test_a_reference_reads_as_what_it_refers_to(modality, root):
    """Faces as crops, log-mel rows as overlapping windows."""
    clips = manifest.read(root / "clips.jsonl")
    out = run(root, modality, **{modality: TRAINED})
    for clip in clips:
        own = inputs.reader(root / FEATURES[modality], clip, modality)
        found = inputs.reader(out, clip, modality)
        assert found.value_shape == own.value_shape == {1: (48, 48, 3), 96: (96, 64)}[own.span]
        assert np.array_equal(found.index, own.index) and found.index.dtype == own.index.dtype
        whole = found.read(0, clip.frames)
        assert whole.dtype == own.rows.dtype
        assert np.array_equal(whole, own.read(0, clip.frames))
        part, expected = found.ranged(2, clip.frames - 1), own.ranged(2, clip.frames - 1)
        assert all(map(np.array_equal, part, expected))
        assert np.array_equal(found.take([5, 0, 5]), own.take([5, 0, 5]))


def test_a_reference_holds_no_rows_of_its_own(root):
    for modality in FEATURES:
        out = run(root, modality, **{modality: TRAINED})
        assert all(path.stat().st_size < 7000 for path in out.glob("*.h5"))
        assert (root / FEATURES[modality] / "anna.h5").stat().st_size > 20_000


def test_a_reference_says_what_it_refers_to(root):
    out = run(root, visual=TRAINED)
    with h5py.File(out / "anna.h5") as file:
        assert file.attrs["digest"] == digest_file(root / "faces" / "anna.h5")
        assert file.get("rows", getlink=True).filename == "../faces/anna.h5"


def test_folders_may_be_moved_together(root):
    clip = manifest.read(root / "clips.jsonl")[0]
    out = run(root, visual=TRAINED)
    expected = inputs.reader(out, clip, "visual").read(0, clip.frames)
    (root / "elsewhere").mkdir()
    for name in ("faces", "visual"):
        (root / name).rename(root / "elsewhere" / name)
    moved = inputs.reader(root / "elsewhere" / "visual", clip, "visual")
    assert np.array_equal(moved.read(0, clip.frames), expected)


def test_references_change_with_what_they_refer_to_and_with_nothing_else(root):
    anna, *others = manifest.read(root / "clips.jsonl")
    out = run(root, visual=TRAINED)
    files, before = stamps(out), contents(out)
    assert before.keys() == {f"{clip.name}.h5" for clip in (anna, *others)}
    run(root, visual=TRAINED)
    assert stamps(out) == files
    changed_face(root, anna)
    run(root, visual=TRAINED)
    after = contents(out)
    assert after.pop("anna.h5") != before.pop("anna.h5")
    assert after == before
    assert {name: stamps(out)[name] for name in after} == {name: files[name] for name in after}
    own = inputs.reader(root / "faces", anna, "visual").read(0, anna.frames)
    assert np.array_equal(inputs.reader(out, anna, "visual").read(0, anna.frames), own)


def test_references_do_not_depend_on_the_encoder(root):
    """Stage train runs the encoder, so its kind, its weights and the precision have no effect."""
    out = run(root, visual=TRAINED)
    before = stamps(out)
    run(root, visual={**TRAINED, "kind": "ir_resnet50"}, seed=2, batch=3, precision="bf16")
    run(root, visual={**TRAINED, "weights": str(root / "none.safetensors")}, device="cuda:97")
    assert stamps(out) == before


@pytest.mark.parametrize("mode", ["finetune", "precompute"])
def test_a_missing_input_is_a_problem_of_its_clip_and_the_others_are_made(mode, root):
    (root / "faces" / "bert.h5").unlink()
    with pytest.raises(Problems) as caught:
        run(root, visual={"mode": mode})
    (problem,) = caught.value.problems
    assert (problem.clip, problem.file) == ("bert", str(root / "faces" / "bert.h5"))
    assert problem.found == "no such file" and "dvc repro" in problem.cure
    assert stamps(root / "visual").keys() == {f"{n}.h5" for n in tiny_corpus.FRAMES} - {"bert.h5"}


@pytest.mark.parametrize("mode", ["finetune", "precompute"])
def test_an_input_cut_in_half_is_a_problem_of_its_clip(mode, root):
    path = root / "logmel" / "emil.h5"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(Problems) as caught:
        run(root, "audio", audio={"mode": mode})
    (problem,) = caught.value.problems
    assert (problem.clip, problem.file) == ("emil", str(path))
    assert problem.found.startswith("unreadable HDF5 (")
    assert "emil.h5" not in stamps(root / "audio") and "anna.h5" in stamps(root / "audio")


def test_a_reference_to_a_missing_file_is_a_problem_and_is_removed(root):
    out = run(root, visual=TRAINED)
    (root / "faces" / "anna.h5").unlink()
    with pytest.raises(Problems, match=r"^clip anna: .*faces/anna\.h5: found no such file; "):
        run(root, visual=TRAINED)
    assert stamps(out).keys() == {f"{name}.h5" for name in tiny_corpus.FRAMES} - {"anna.h5"}


# Mode precompute: vectors.


def test_vectors_are_kept_and_another_encoder_makes_them_again(root):
    out = run(root, visual=PRECOMPUTED)
    before, vectors = stamps(out), rows(out / "anna.h5")
    assert before.keys() == {f"{name}.h5" for name in tiny_corpus.FRAMES}
    other_audio = {"kind": "vggish", "weights": str(root / "none.pth")}
    run(root, visual=PRECOMPUTED, audio=other_audio, device="auto")
    assert stamps(out) == before
    run(root, visual=PRECOMPUTED, seed=2)
    assert not set(stamps(out).items()) & set(before.items())
    assert np.abs(rows(out / "anna.h5") - vectors).max() > 1e-3


def test_the_key_has_what_affects_a_vector_and_not_the_device(root):
    weights = weights_file(root / "one.safetensors")

    def key(**changes) -> tuple[str, str]:
        modality = changes.get("modality", "visual")
        encoder = {modality: {**PRECOMPUTED, **changes.pop(modality, {})}}
        found = work(root, **{**changes, **encoder})
        return found.recipe.id, found.wanted["anna.h5"].inputs

    assert key() == key(device="auto") == key(audio={"kind": "vggish"}) == key(batch=3)
    assert key(visual=weights) == key(visual=weights, seed=2) != key()
    others = [
        key(precision="bf16"),
        key(seed=2),
        key(modality="audio"),
        key(visual={"kind": "ir_resnet50"}),
        key(visual=weights),
        key(visual=weights_file(root / "other.safetensors", seed=8)),
    ]
    assert len({key(), *others}) == 7


def test_weights_are_known_by_their_content(root):
    weights = weights_file(root / "one.safetensors")
    out = run(root, visual=weights)
    before, vectors = stamps(out), rows(out / "anna.h5")
    (root / "one.safetensors").rename(root / "moved.safetensors")
    run(root, visual={**weights, "weights": str(root / "moved.safetensors")})
    assert stamps(out) == before
    run(root, visual=weights_file(root / "other.safetensors", seed=8))
    assert np.abs(rows(out / "anna.h5") - vectors).max() > 1e-3


def test_vectors_change_with_the_encoders_inputs(root):
    anna, *_ = manifest.read(root / "clips.jsonl")
    out = run(root, visual=PRECOMPUTED)
    before = stamps(out)
    changed_face(root, anna)
    run(root, visual=PRECOMPUTED)
    after = stamps(out)
    assert {name for name in after if after[name] != before[name]} == {"anna.h5"}


def test_clips_encoded_in_parallel_have_one_core_each(root, monkeypatch):
    threads = []
    original = augmentation.centred
    monkeypatch.setattr(
        augmentation,
        "centred",
        lambda *a: threads.append(torch.get_num_threads()) or original(*a),
    )
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        run(root, visual=PRECOMPUTED)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    assert set(threads) == {1}


def test_a_value_that_is_not_finite_is_a_problem_of_its_clip(root):
    anna, bert, *_ = manifest.read(root / "clips.jsonl")
    for clip in (anna, bert):
        values = np.zeros((clip.frames * 3 + 96, 64), np.float32)
        values[50] = np.nan if clip is anna else 1
        (root / "logmel" / f"{clip.name}.h5").unlink()
        store.write(root / "logmel" / f"{clip.name}.h5", values, np.arange(clip.frames) * 3)
    with pytest.raises(Problems, match=r"clip anna: .*not finite, computed in fp32") as caught:
        run(root, "audio", clips=[anna, bert], audio=PRECOMPUTED)
    assert len(caught.value.problems) == 1
    assert stamps(root / "audio").keys() == {"bert.h5"}


def test_a_missing_device_is_one_problem_and_nothing_is_made(root):
    with pytest.raises(Problem, match=r"^encoders\.device: found cuda:97"):
        run(root, visual=PRECOMPUTED, device="cuda:97")
    assert not stamps(root / "visual")


# Missing weights.


def test_models_are_the_digests_of_files_and_problems_for_missing_files(tmp_path):
    path, missing = tmp_path / "visual.pth", tmp_path / "audio.pth"
    path.write_bytes(b"weights")
    both = encoders(visual={"weights": str(path)}, audio={"weights": str(missing)})
    found = keys.models(both, ["visual", "audio"])
    assert list(found) == ["encoders.visual.weights", "encoders.audio.weights"]
    assert found["encoders.visual.weights"] == digest_file(path)
    problem = found["encoders.audio.weights"]
    assert isinstance(problem, Problem)
    assert (problem.file, problem.found) == (str(missing), "no such file")
    assert "encoders.audio.weights" in problem.expected and "README" in problem.cure
    assert list(keys.models(both, ["visual"])) == ["encoders.visual.weights"]
    assert keys.models(encoders(), ["visual", "audio"]) == {}


def test_a_folder_is_no_file_of_weights(tmp_path):
    found = keys.models(encoders(visual={"weights": str(tmp_path)}), ["visual"])
    problem = found["encoders.visual.weights"]
    assert isinstance(problem, Problem) and problem.found == "a folder"


def test_missing_weights_are_a_problem_before_anything_is_made(root):
    missing = {**PRECOMPUTED, "weights": str(root / "none.safetensors")}
    with pytest.raises(Problem, match=r"none\.safetensors: found no such file"):
        run(root, visual=missing)
    assert list((root / "visual").iterdir()) == []


def test_existing_vectors_are_kept_without_the_weights(root):
    others = manifest.read(root / "clips.jsonl")[1:]
    weights = weights_file(root / "one.safetensors")
    out = run(root, visual=weights)
    before = stamps(out)
    (root / "one.safetensors").unlink()
    run(root, visual=weights)
    assert stamps(out) == before
    run(root, visual=weights, clips=others)
    assert stamps(out) == {name: n for name, n in before.items() if name != "anna.h5"}


def test_a_vector_to_be_made_without_its_weights_is_a_problem_and_nothing_changes(root):
    anna, *_ = manifest.read(root / "clips.jsonl")
    weights = weights_file(root / "one.safetensors")
    out = run(root, visual=weights)
    before = stamps(out)
    (root / "one.safetensors").unlink()
    changed_face(root, anna)
    with pytest.raises(Problem, match=r"one\.safetensors: found no such file"):
        run(root, visual=weights)
    assert stamps(out) == before


# Both modes.


@pytest.mark.parametrize("modality", FEATURES)
def test_a_change_of_mode_makes_all_files_anew_and_back(modality, root):
    clip = manifest.read(root / "clips.jsonl")[0]
    references = contents(run(root, modality, **{modality: TRAINED}))
    vectors = contents(run(root, modality, **{modality: PRECOMPUTED}))
    assert rows(root / modality / "anna.h5").shape == (clip.frames, 64)
    assert vectors.keys() == references.keys()
    assert contents(run(root, modality, **{modality: TRAINED})) == references
    assert contents(run(root, modality, **{modality: PRECOMPUTED})) == vectors


@pytest.mark.parametrize("precomputed, trained", [("visual", "audio"), ("audio", "visual")])
def test_one_modality_may_be_precomputed_and_the_other_trained(precomputed, trained, root):
    """In both modes, stage train reads one folder per modality."""
    parts = {precomputed: PRECOMPUTED, trained: TRAINED}
    for modality in FEATURES:
        run(root, modality, **parts)
    settings: Settings = tiny_corpus.settings()._replace(encoders=encoders(**parts))
    shapes = network.input_shapes(settings)
    whole = {"visual": (3, 40, 40), "audio": (96, 64)}[trained]
    assert shapes == {precomputed: None, trained: whole, "text": None}
    clips = manifest.read(root / "clips.jsonl")
    folders = {m: root / m for m in ("visual", "audio", "text")}
    for data in clip_data.open_all(clips, folders, shapes, root / "labels", "valence"):
        own = inputs.reader(root / FEATURES[trained], data.clip, trained)
        read = data.readers[trained].read(0, data.clip.frames)
        assert np.array_equal(read, own.read(0, data.clip.frames))
        assert data.readers[precomputed].read(0, data.clip.frames).shape == (data.clip.frames, 64)


def test_the_stage_reads_its_modes_from_params(root):
    params = root / "params.yaml"
    params.write_text(
        "encoders: {visual: {kind: compact, mode: precompute}, audio: {kind: compact},"
        " device: cpu}\n"
        "training: {seed: 3}\n"
    )
    for modality, feature in FEATURES.items():
        folders = root / modality, root / feature, root / "audio"
        encode.main(modality, root / "clips.jsonl", *folders, params)
    expected = rows(root / "visual" / "anna.h5")
    (root / "visual" / "anna.h5").unlink()
    run(root, visual=PRECOMPUTED, seed=3)
    assert np.array_equal(rows(root / "visual" / "anna.h5"), expected)
    with h5py.File(root / "audio" / "anna.h5") as file:
        assert file.get("rows", getlink=True).filename == "../logmel/anna.h5"


LIGHT = """
import sys
from stages import encode
assert not {"torch", "cv2"} & set(sys.modules)
"""


def test_the_stage_loads_no_torch_until_there_is_something_to_encode():
    subprocess.run([sys.executable, "-c", LIGHT], check=True)
