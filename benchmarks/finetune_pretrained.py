"""What a step that trains a model of `transformers` of base size keeps in memory, and its time.

Run as `python -m benchmarks.finetune_pretrained`; nothing else is needed, the weights are random,
and without `peft` the rows with adapters are left out. A ViT reads `--crops` crops, a HuBERT one
window of `--seconds`. Counted are the tensors that torch keeps from the forward pass for the
backward pass, which grow with the batch, and the gradients and Adam's moments, which do not.
"""

from __future__ import annotations

import importlib.util
import tempfile
import time
from typing import Annotated, Any

import torch
import transformers as t
import typer
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from rjcma.device import choose
from rjcma.encoders.finetuned import Finetuned
from rjcma.encoders.image_model import ImageModel
from rjcma.encoders.settings import TransformersAudio, TransformersVisual
from rjcma.encoders.sound import CONTEXT, Sound
from rjcma.encoders.speech_encoder import SpeechEncoder
from rjcma.wav import RATE

FPS = 25
MODELS: dict[str, Any] = {
    "ViT": lambda: (t.ViTModel(t.ViTConfig()), t.ViTImageProcessor()),
    "HuBERT": lambda: (t.HubertModel(t.HubertConfig()), t.Wav2Vec2FeatureExtractor()),
}
CASES: dict[str, dict[str, Any]] = {
    "blocks, all kept": {"checkpointing": False},
    "blocks": {},
    "adapters, all kept": {"lora": {"rank": 8}, "checkpointing": False},
    "adapters": {"lora": {"rank": 8}},
}


def encoder_of(name: str, changes: dict[str, Any]) -> Finetuned:
    """The model as an encoder that is trained."""
    with tempfile.TemporaryDirectory() as folder:
        for part in MODELS[name]():
            part.save_pretrained(folder)
        section = {"kind": "transformers", "mode": "finetune", "weights": folder, **changes}
        if name == "ViT":
            return ImageModel(TransformersVisual.model_validate(section))
        return SpeechEncoder(TransformersAudio.model_validate(section))


def values(name: str, crops: int, seconds: float, device: torch.device) -> Any:
    """Crops, or the sound of a window with its context."""
    if name == "ViT":
        return torch.rand(crops, 3, 40, 40, device=device) * 2 - 1
    count = round(seconds * FPS)
    starts = CONTEXT + torch.arange(count, dtype=torch.float64) * RATE / FPS
    total = round(seconds * RATE) + 2 * CONTEXT
    chunk = torch.tensor([0.0, total]).double().expand(count, 2)
    index = torch.cat([torch.stack([starts, starts + RATE / FPS], dim=1), chunk], dim=1)
    samples = torch.randint(-9999, 9999, (total,), dtype=torch.int16)
    return Sound(samples.to(device), index.to(device), [count])


def step(encoder: Finetuned, inputs: Any) -> tuple[int, float]:
    """The bytes that the forward pass keeps, and the seconds of both passes."""
    own = {weight.untyped_storage().data_ptr() for weight in encoder.parameters()}
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    began = time.perf_counter()
    with saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = encoder(inputs).square().mean()
    loss.backward()  # type: ignore[no-untyped-call]
    if loss.is_cuda:
        torch.cuda.synchronize()
    return sum(kept.values()), time.perf_counter() - began


def main(
    crops: Annotated[int, typer.Option()] = 16,
    seconds: Annotated[float, typer.Option(help="of a window")] = 12.0,
    groups: Annotated[int, typer.Option(help="released, of 3")] = 3,
    steps: Annotated[int, typer.Option(help="of which the fastest counts")] = 2,
    device: Annotated[str, typer.Option()] = "auto",
) -> None:
    """Print a Markdown table."""
    where = choose(device)
    print(f"{where}; {crops} crops, or a window of {seconds:g} s; {groups} groups released\n")
    print("| model | trained | kept, MiB a crop or second | gradients and moments, MiB | s/step |")
    print("|---|---|---:|---:|---:|")
    for name in MODELS:
        for case, changes in CASES.items():
            if "lora" in changes and importlib.util.find_spec("peft") is None:
                continue
            torch.manual_seed(1)
            encoder = encoder_of(name, changes).to(where)
            for part in (part for group in encoder.groups[:groups] for part in group):
                encoder.get_submodule(part).requires_grad_(True).train()
            inputs = values(name, crops, seconds, where)
            found = [step(encoder, inputs) for _ in range(steps)]
            trained = sum(w.nbytes for w in encoder.parameters() if w.requires_grad)
            each = found[0][0] / 2**20 / (crops if name == "ViT" else seconds)
            time_ = min(taken for _, taken in found)
            print(f"| {name} | {case} | {each:.1f} | {3 * trained / 2**20:.0f} | {time_:.2f} |")


if __name__ == "__main__":
    typer.run(main)
