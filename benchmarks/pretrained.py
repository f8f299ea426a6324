"""The speed of models of `transformers` in stage `encode`, compared with the library's own calls.

Run as `python -m benchmarks.pretrained`; nothing else is needed. The models have the base size of
their kind, and random weights. The plain loop prepares and reads each clip by transformers' own
processor and model, on all cores; ours reads one clip per core, as the stage does. Both read the
same clips, in turn: faces of the model's own size, and 30 seconds of sound, which are one chunk.
Longer sound has chunks that overlap by a third. Before, the greatest memory of the stage's function
for long sound is measured, with a small model.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import wave
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import h5py
import numpy as np
import torch
import transformers as t
import typer

from benchmarks.rates import interleaved
from rjcma import store
from rjcma.device import choose
from rjcma.encoders import encode_faces, encode_sound
from rjcma.encoders.inference import one_core_a_thread
from rjcma.encoders.settings import Encoders
from rjcma.jobs.workers import worker_count
from rjcma.manifest import Clip
from rjcma.wav import RATE

FPS = 25.0
SECONDS = 30
COMPACT = {"kind": "compact"}
SMALL = {
    "hidden_size": 32,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "conv_dim": [32] * 7,
}

FACES: dict[str, Callable[[], Any]] = {
    "ViT": lambda: t.ViTModel(t.ViTConfig()),
    "Swin": lambda: t.SwinModel(t.SwinConfig(embed_dim=128, num_heads=[4, 8, 16, 32])),
    "ConvNeXt": lambda: t.ConvNextModel(
        t.ConvNextConfig(hidden_sizes=[128, 256, 512, 1024], depths=[3, 3, 27, 3])
    ),
}
SOUND: dict[str, Callable[[], Any]] = {
    "wav2vec 2": lambda: t.Wav2Vec2Model(t.Wav2Vec2Config()),
    "WavLM": lambda: t.WavLMModel(t.WavLMConfig()),
    "Whisper": lambda: t.WhisperModel(
        t.WhisperConfig(
            d_model=512,
            encoder_layers=6,
            encoder_attention_heads=8,
            encoder_ffn_dim=2048,
            decoder_layers=1,
            decoder_attention_heads=8,
        )
    ),
}


class Compared(NamedTuple):
    """Both ways to compute the vectors of the same clips, (all frames, D) each."""

    plain: Callable[[], np.ndarray]
    ours: Callable[[], np.ndarray]


def clip(name: str, frames: int) -> Clip:
    return Clip(
        name=name,
        video=name,
        partition="train",
        fps=FPS,
        frames=frames,
        file=f"{name}.mp4",
        video_digest="",
        decoded=frames,
        times=None,
        faces=None,
        faces_digest="",
        sound=True,
    )


def side_by_side(call: Callable[[Clip], None], clips: Sequence[Clip], folder: Path) -> np.ndarray:
    """Encode each clip on one core, as stage encode does; -> what was written."""
    with one_core_a_thread(), ThreadPoolExecutor(len(clips)) as threads:
        list(threads.map(call, clips))
    written = []
    for each in clips:
        with h5py.File(folder / f"{each.name}.h5") as file:
            written.append(file["rows"][...])
    return np.concatenate(written)


def faces(folder: Path, clips: Sequence[Clip], where: torch.device) -> Compared:
    """The mean of patches of an image model that is in this folder."""
    processor, model = t.AutoImageProcessor.from_pretrained(folder), _model(folder).to(where)
    encoders = Encoders.model_validate(
        {"visual": {"kind": "transformers", "weights": str(folder)}, "audio": COMPACT}
    )
    generator, crops = np.random.default_rng(1), {}
    (folder / "faces").mkdir()
    for each in clips:
        crops[each.name] = generator.integers(0, 256, (each.frames, 224, 224, 3), dtype=np.uint8)
        store.write(folder / "faces" / f"{each.name}.h5", crops[each.name])

    @torch.inference_mode()
    def plain() -> np.ndarray:
        vectors = []
        for pictures in crops.values():
            for at in range(0, len(pictures), encode_faces.AT_ONCE):
                some = list(pictures[at : at + encode_faces.AT_ONCE])
                pixels = processor(images=some, return_tensors="pt").pixel_values.to(where)
                state = model(pixel_values=pixels).last_hidden_state
                first = 1 if model.config.model_type == "vit" else 0
                whole = state.dim() == 4
                vectors.append(state.mean((2, 3)) if whole else state[:, first:].mean(1))
        return torch.cat(vectors).cpu().numpy()

    def one(each: Clip) -> None:
        out = folder / f"{each.name}.h5"
        encode_faces.encode_clip("visual", encoders, folder / "faces", each, out)

    return Compared(plain, lambda: side_by_side(one, clips, folder))


def sound(folder: Path, clips: Sequence[Clip], where: torch.device) -> Compared:
    """The states of a speech model that is in this folder, two of which are a frame."""
    extractor, model = t.AutoFeatureExtractor.from_pretrained(folder), _model(folder).to(where)
    encoders = Encoders.model_validate(
        {"audio": {"kind": "transformers", "weights": str(folder)}, "visual": COMPACT}
    )
    samples = {}
    for number, each in enumerate(clips):
        samples[each.name] = noise(folder / f"{each.name}.wav", SECONDS, number)

    @torch.inference_mode()
    def plain() -> np.ndarray:
        vectors = []
        for values in samples.values():
            prepared = extractor(values, sampling_rate=RATE, return_tensors="pt").to(where)
            if "input_features" in prepared:
                states = model.encoder(prepared.input_features).last_hidden_state[0]
            else:
                states = model(prepared.input_values).last_hidden_state[0]
            frames = [states[n : n + 2].mean(0) for n in range(0, len(states), 2)]
            vectors.append(torch.stack(frames))
        return torch.cat(vectors).cpu().numpy()

    def one(each: Clip) -> None:
        encode_sound.encode_video("audio", encoders, [each], folder / f"{each.name}.wav", folder)

    return Compared(plain, lambda: side_by_side(one, clips, folder))


def noise(path: Path, seconds: float, seed: int) -> np.ndarray:
    """Write noise as a WAV file; -> its samples in [-1, 1]."""
    generator = np.random.default_rng(seed)
    samples = (generator.normal(0, 0.1, round(seconds * RATE)) * 2**15).astype(np.int16)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", "not compressed"))
        file.writeframes(samples.tobytes())
    return samples.astype(np.float32) / 2**15


def _model(folder: Path) -> Any:
    return t.AutoModel.from_pretrained(folder).eval()


def compare(
    name: str, compared: Compared, amount: float, unit: str, rounds: int, where: torch.device
) -> str:
    """A row of the table."""
    exact = compared.plain()
    error = np.linalg.norm(exact - compared.ours()) / np.linalg.norm(exact)
    seconds = interleaved({"plain": compared.plain, "ours": compared.ours}, where, rounds)
    plain, ours = amount / seconds["plain"], amount / seconds["ours"]
    cells = [name, unit, f"{plain:.1f}", f"{ours:.1f}", f"{ours / plain:.2f}", f"{error:.1e}"]
    return "| " + " | ".join(cells) + " |"


def memory(minutes: float) -> None:
    """Encode sound of this length by a small model, and print this process's greatest memory."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        _save(folder, lambda: t.WavLMModel(t.WavLMConfig(**SMALL)))
        path = folder / "long.wav"
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, RATE, 0, "NONE", "not compressed"))
            for seed in range(round(minutes * 2)):
                noise(folder / "part.wav", 30, seed)
                with wave.open(str(folder / "part.wav")) as part:
                    file.writeframes(part.readframes(30 * RATE))
        audio = {"kind": "transformers", "weights": str(folder)}
        encoders = Encoders.model_validate({"audio": audio, "visual": COMPACT})
        frames = round(minutes * 60 * FPS)
        encode_sound.encode_video("audio", encoders, [clip("long", frames)], path, folder)
    print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f}")


def _save(folder: Path, make: Callable[[], Any]) -> None:
    t.utils.logging.disable_progress_bar()
    torch.manual_seed(1)
    model = make()
    model.save_pretrained(folder)
    if model.main_input_name == "pixel_values":
        t.ViTImageProcessor().save_pretrained(folder)
    elif model.main_input_name == "input_features":
        t.WhisperFeatureExtractor().save_pretrained(folder)
    else:
        t.Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(folder)


def main(
    frames: Annotated[int, typer.Option(help="faces per clip")] = 64,
    rounds: Annotated[int, typer.Option(help="calls of each; the median counts")] = 3,
    only: Annotated[list[str] | None, typer.Option(help="names of models; all")] = None,
    minutes: Annotated[list[float] | None, typer.Option(help="of long sound")] = None,
    only_memory: Annotated[float, typer.Option(help="print the memory of one length")] = 0,
) -> None:
    """Print a line of memory for each length of sound, and a Markdown table of speeds."""
    if only_memory:
        memory(only_memory)
        return
    # First, since a process that is started begins with the greatest memory of this one.
    for length in minutes or [10, 60, 180]:
        command = [sys.executable, "-m", "benchmarks.pretrained", "--only-memory", str(length)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        print(f"{length:g} minutes of sound: {done.stdout.split()[-1]} MiB", flush=True)
    count, where = worker_count(), choose("auto")
    torch.set_num_threads(count)
    print(
        f"\n{where.type}, {count} cores, a clip of each, {frames} faces or {SECONDS} s;"
        f" median of {rounds}\n"
    )
    print("| model | in a second | transformers | stage encode | ratio | relative error |")
    print("|---|---|---:|---:|---:|---:|")
    for name, make in [*FACES.items(), *SOUND.items()]:
        if only and name not in only:
            continue
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            _save(folder, make)
            seen = name in FACES
            length = frames if seen else round(SECONDS * FPS)
            clips = [clip(f"clip{number}", length) for number in range(count)]
            compared = (faces if seen else sound)(folder, clips, where)
            amount, unit = (frames, "frames") if seen else (SECONDS, "seconds of sound")
            print(compare(name, compared, count * amount, unit, rounds, where), flush=True)


if __name__ == "__main__":
    typer.run(main)
