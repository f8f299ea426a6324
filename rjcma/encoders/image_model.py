"""An image model of `transformers` as the encoder of faces: one vector of each crop.

The whole crop is resized to the size that the model's processor names, since it shows the face and
nothing else: a processor would cut a part from the centre of a photograph. Then it is scaled by the
processor's mean and deviation.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import AutoImageProcessor, PretrainedConfig

from rjcma.encoders.finetuned import Finetuned
from rjcma.encoders.frozen import CHUNK, OTHER_CHUNK
from rjcma.encoders.pretrained import Named, configuration, network, random_network, read
from rjcma.encoders.settings import TransformersVisual
from rjcma.text.loading import BROKEN

FAMILY = "an image model: ViT, DINOv2, CLIP, ConvNeXt, Swin, BEiT or another of transformers"

CLASS_TOKENS = ("cls_token", "class_embedding", "class_token")
OTHER_TOKENS = ("distillation_token", "register_tokens")
"""The names of the tokens that come before the patches."""

COLOUR = (10, 100, 200)
"""Of the picture by which a processor is measured (ours): another number in each channel."""

BICUBIC = 3
"""Pillow's number of this way to resize, which processors use; all others count as bilinear."""


class Looks(NamedTuple):
    """What an image model is, but for its weights; a run keeps it with these."""

    config: dict[str, Any]
    """The model's configuration."""
    size: int
    """The side of its input, in pixels."""
    resample: str
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    """Of each channel, of pixels in [0, 1]."""


class ImageModel(Finetuned):
    """Faces (B, 3, S, S) in [-1, 1], of any size S -> vectors (B, D)."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, settings: TransformersVisual, looks: Looks | None = None) -> None:
        """With `looks`, the weights are random: those of a run are loaded next.

        Raises `Problem` for a model that is no image model, or has no such output or layers.
        """
        super().__init__(Named(settings.weights, "visual"))
        self.output = settings.output
        self.layers = settings.layers
        self.input_shape = (3, settings.crop, settings.crop)
        own = looks is None
        if looks is None:
            config = configuration(self.named, ("pixel_values",), FAMILY)
            looks = _looks(self.named, config)
            unused = () if self.output == "pooled" else ("pooler", "head")
            self.model = network(self.named, config, unused=unused)
        else:
            self.model = random_network(looks.config)
        self.looks = looks
        scales = {"mean": looks.mean, "deviation": looks.deviation}
        for name, values in scales.items():
            self.register_buffer(name, torch.tensor(values).reshape(1, -1, 1, 1), persistent=False)
        self.first = 0
        """How many tokens come before the patches."""
        self._refuse_layers_of_pooled()
        with torch.random.fork_rng(devices=[]):  # no later random number changes
            self.width = self._probe()
        if settings.mode == "finetune" and own:
            self.prepare(settings, lambda: self(torch.zeros(1, 3, self.size, self.size)))

    @property
    def size(self) -> int:
        """The side of the model's input, in pixels."""
        return self.looks.size

    def forward(self, faces: Tensor) -> Tensor:
        self.begin()
        if any(isinstance(m, nn.BatchNorm2d) and m.training for m in self.model.modules()):
            return self._vectors(faces)
        chunk = CHUNK.get(faces.device.type, OTHER_CHUNK)
        return torch.cat([self._vectors(some) for some in faces.split(chunk)])

    def _vectors(self, faces: Tensor) -> Tensor:
        return self._made(self._run(self.pixels(faces)))

    def _made(self, result: Any) -> Tensor:
        """The vectors (B, D) of what the model gives."""
        if self.output == "pooled":
            pooled: Tensor = result.pooler_output
            return pooled.flatten(1)
        vectors = [self._vector(state) for state in self._states(result)]
        return vectors[0] if self.layers is None else torch.stack(vectors).mean(0)

    def _states(self, result: Any) -> list[Tensor]:
        """The states that the vectors are made of."""
        if self.layers is None:
            return [result.last_hidden_state]
        return [result.hidden_states[layer] for layer in self.layers]

    def pixels(self, faces: Tensor) -> Tensor:
        """The model's input: the crops in its size, scaled as it knows them."""
        if faces.shape[-1] != self.size:
            size = (self.size, self.size)
            faces = F.interpolate(faces, size, mode=self.looks.resample, antialias=True).clamp(
                -1, 1
            )
        return ((faces + 1) / 2 - self.mean) / self.deviation

    def _run(self, pixels: Tensor):  # type: ignore[no-untyped-def]  # each model has its own type
        return self.model(pixel_values=pixels, output_hidden_states=self.layers is not None)

    def _vector(self, state: Tensor) -> Tensor:
        """A layer's state, of tokens (B, N, D) or of cells (B, D, H, W), as vectors (B, D)."""
        if state.dim() == 4:
            return state.flatten(2).mT.mean(1)
        return state[:, 0] if self.output == "class" else state[:, self.first :].mean(1)

    def _find_tokens(self, result: Any) -> None:
        """Set `first`. Raises `Problem` if the class token is asked for and a state has none."""
        self.first, has_class = _tokens_before_patches(self.model, result)
        has_class = has_class and all(state.dim() == 3 for state in self._states(result))
        if self.output == "class" and not has_class:
            cure = "set encoders.visual.output to patches or pooled"
            raise self.named.problem("a model without a class token", "one with it", cure)

    def _refuse_layers_of_pooled(self) -> None:
        if self.output == "pooled" and self.layers is not None:
            raise self.named.problem(
                "layers with the output pooled, which is made of the last layer",
                "patches or class with layers",
                "correct encoders.visual.output, or set encoders.visual.layers to null",
            )

    @torch.inference_mode()
    def _probe(self) -> int:
        """Run the model twice on one picture; -> the length D of its vectors."""
        count = 3 * self.size**2
        picture = torch.linspace(-1, 1, count).reshape(1, 3, self.size, self.size)
        try:
            result = self._run(self.pixels(picture))
        except (ValueError, RuntimeError) as error:
            raise self.named.problem(
                f"that it cannot read pictures of {self.size} pixels ({_line(error)})",
                "that size in preprocessor_config.json which config.json describes",
            ) from None
        if self.output == "pooled" and getattr(result, "pooler_output", None) is None:
            cure = "set encoders.visual.output to patches or class"
            raise self.named.problem("a model without a pooled output", "one with it", cure)
        if self.layers is not None:
            _refuse_other_layers(self.named, self.layers, result.hidden_states)
        if self.output != "pooled":
            self._find_tokens(result)
        vectors = self._made(result)
        if not torch.allclose(vectors, self(picture), equal_nan=True):
            raise self.named.problem(
                "a model that draws random numbers whenever it runs, as masked autoencoders do",
                "the same vector each time that it sees a picture",
                f"name another model in {self.named.key}",
            )
        return vectors.shape[-1]


def _looks(named: Named, config: PretrainedConfig) -> Looks:
    """What a model's configuration and processor say."""
    processor = read(named, AutoImageProcessor)
    described = {k: v for k, v in config.to_dict().items() if not k.startswith("_")}  # no paths
    size, how = _size(named, processor), _resample(named, processor)
    made = _made_of_a_colour(named, processor, size)
    scaled = bool(getattr(processor, "do_normalize", True))
    mean, deviation = (processor.image_mean, processor.image_std) if scaled else ((0.0,), (1.0,))
    mean, deviation = _of_channels(mean), _of_channels(deviation)
    _refuse_other_pixels(named, made, mean, deviation)
    return Looks(described, size, how, mean, deviation)


def _of_channels(values: float | Sequence[float]) -> tuple[float, ...]:
    """A number of each channel, or one of all."""
    return (values,) if isinstance(values, int | float) else tuple(values)


def _made_of_a_colour(named: Named, processor: Any, size: int) -> list[float]:
    """The numbers (3,) that a processor makes of a picture of one colour, at its middle."""
    picture = np.full((size, size, 3), COLOUR, np.uint8)
    try:
        pixels = processor(images=[picture], return_tensors="pt")["pixel_values"]
        made: list[float] = pixels[0, :, size // 2, size // 2].tolist()
    except (*BROKEN, AttributeError) as error:
        raise named.problem(
            f"a processor that cannot read a picture of {size} pixels ({_line(error)})",
            "one that makes (3, height, width) of a picture",
            f"name another model in {named.key}",
        ) from None
    return made


def _refuse_other_pixels(
    named: Named, made: Sequence[float], mean: Sequence[float], deviation: Sequence[float]
) -> None:
    """Raise `Problem` unless a processor has made (colour / 255 - mean) / deviation, as most do.

    Some scale pixels otherwise, or twice, or swap the channels.
    """
    expected = (np.array(COLOUR) / 255 - mean) / deviation
    if len(made) != len(COLOUR) or not np.allclose(made, expected, rtol=0, atol=1e-3):
        raise named.problem(
            "a processor that scales pixels in another way than by 1/255, image_mean and image_std:"
            f" of red, green and blue {_numbers(COLOUR)} it makes {_numbers(made)}",
            f"{_numbers(expected)}, by preprocessor_config.json with do_rescale: true and"
            " rescale_factor: 1/255",
            f"name another model in {named.key}",
        )


def _numbers(values: Iterable[float]) -> str:
    return ", ".join(f"{value:.3g}" for value in values)


def _resample(named: Named, processor: object) -> str:
    """How a processor resizes, by torch's name; one whose `resample` is null does it bilinearly."""
    if not hasattr(processor, "resample"):
        cure = f"name another model in {named.key}"
        raise named.problem("a processor that does not say how it resizes", "resample", cure)
    return "bicubic" if processor.resample == BICUBIC else "bilinear"


def _size(named: Named, processor: object) -> int:
    """The side of the model's input, in pixels: what a processor cuts, or else resizes to."""
    cut = getattr(processor, "crop_size", None) if getattr(processor, "do_center_crop", 0) else None
    for size in (cut, getattr(processor, "size", None)):
        for side in ("height", "shortest_edge"):
            pixels = getattr(size, side, None)
            if pixels:
                return int(pixels)
    cure = f"name another model in {named.key}"
    raise named.problem("a processor that names no size of pictures", "a fixed size", cure)


def _tokens_before_patches(model: nn.Module, result: Any) -> tuple[int, bool]:
    """How many tokens come before the patches, and whether the first is the class token.

    They have parameters of their own, or the model calls the first one its pooled output.
    """
    count, has_class = 0, False
    for name, parameter in model.named_parameters():
        last = name.rpartition(".")[2]
        if last in CLASS_TOKENS:
            count, has_class = count + 1, True
        elif last in OTHER_TOKENS:
            count += parameter.shape[-2]
    if not has_class and _first_is_pooled(result):
        return count + 1, True
    return count, has_class


def _first_is_pooled(result: Any) -> bool:
    """Whether the first of several tokens, not all alike, is the pooled output."""
    state, pooled = result.last_hidden_state, getattr(result, "pooler_output", None)
    several = state.dim() == 3 and not torch.equal(state[:, 0], state[:, -1])
    return several and pooled is not None and torch.equal(pooled, state[:, 0])


def _refuse_other_layers(named: Named, layers: tuple[int, ...], states: tuple[Tensor, ...]) -> None:
    key = f"encoders.{named.modality}.layers"
    last = len(states) - 1
    wrong = [layer for layer in layers if not -len(states) <= layer <= last]
    if wrong:
        expected = f"layers from 0 to {last}, or from -{len(states)} to -1"
        raise named.problem(f"{key} with {wrong[0]}", expected, f"correct {key}")
    widths = {_width(states[layer]) for layer in layers}
    if len(widths) > 1:
        found = f"layers of {' and '.join(map(str, sorted(widths)))} numbers in {key}"
        raise named.problem(found, "layers of one width", f"correct {key}")


def _width(state: Tensor) -> int:
    return state.shape[1] if state.dim() == 4 else state.shape[-1]


def _line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
