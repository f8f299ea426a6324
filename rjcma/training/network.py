"""Builds a run's network: trained encoders or standardised vectors, and the fusion."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from rjcma.encoders import backbones
from rjcma.encoders.settings import NONE, Encoder, Transformers, TransformersVisual
from rjcma.encoders.standardised import Standardised
from rjcma.fusion.network import Network, build
from rjcma.training.batches import frame_moments
from rjcma.training.clip_data import SOUND, ClipData, InputShapes
from rjcma.training.sections import Settings


def fresh(training: Sequence[ClipData], settings: Settings) -> Network:
    """A run's initial network; vectors are standardised with statistics of the training clips."""
    trained = settings.trained_encoders()
    encoders: dict[str, nn.Module] = {}
    for m in settings.modalities:
        if m in trained:
            encoders[m] = _built(m, trained[m])
        else:
            encoders[m] = Standardised(*frame_moments(data.readers[m] for data in training))
    return _assembled(encoders, settings)


def restored(
    tensors: Mapping[str, Tensor],
    settings: Settings,
    looks: Mapping[str, Sequence[Any]] | None = None,
) -> Network:
    """The network with these tensors as its state dict.

    `looks` says, by modality, what its models of transformers are (`looks_of`). Raises `KeyError`
    or `RuntimeError` for tensors of another network.
    """
    trained = settings.trained_encoders()
    encoders: dict[str, nn.Module] = {}
    for m in settings.modalities:
        if looks and m in looks:
            encoders[m] = _of_transformers(trained[m], looks[m])
        elif m in trained:
            without_file = trained[m].model_copy(update={"weights": NONE})
            encoders[m] = backbones.build(m, without_file)
        else:
            width = tensors[f"encoders.{m}.mean"].shape[0]
            encoders[m] = Standardised(torch.zeros(width), torch.ones(width))
    network = _assembled(encoders, settings)
    network.load_state_dict(dict(tensors))
    return network


def input_shapes(settings: Settings) -> InputShapes:
    """By modality, the input shape of its encoder, or None if its features are vectors."""
    trained = settings.trained_encoders()
    return {m: _input_shape(trained[m]) if m in trained else None for m in settings.modalities}


def random_encoders(settings: Settings) -> list[str]:
    """The modalities whose encoders start from random weights."""
    return [m for m, e in settings.trained_encoders().items() if e.weights == NONE]


def looks_of(network: Network) -> dict[str, Sequence[Any]]:
    """By modality, what the network's models of transformers are, as plain values."""
    looks = {m: getattr(encoder, "looks", None) for m, encoder in network.encoders.items()}
    return {m: list(each) for m, each in looks.items() if each is not None}


def merge(network: Network) -> None:
    """After training, let encoders add what was trained beside their weights to these."""
    for encoder in network.encoders.values():
        if merge := getattr(encoder, "merge", None):
            merge()


def crop_size(network: Network) -> int | None:
    """The side, in pixels, of the visual encoder's input; None if there is no such encoder."""
    if "visual" not in network.encoders:
        return None
    shape = getattr(network.encoders["visual"], "input_shape", None)
    return None if shape is None else int(shape[-1])


def _built(modality: str, encoder: Encoder) -> nn.Module:
    """An encoder that is to be trained, with its initial weights."""
    if isinstance(encoder, Transformers):
        return _of_transformers(encoder, None)
    return backbones.build(modality, encoder)


def _of_transformers(encoder: Encoder, looks: Sequence[Any] | None) -> nn.Module:
    """A model of transformers: its own, or one of these looks with random weights."""
    module, _, name = encoder.implementation.partition(":")
    kind = pkgutil.resolve_name(f"{module}:{name}")
    known = None if looks is None else pkgutil.resolve_name(f"{module}:Looks")(*looks)
    model: nn.Module = kind(encoder, known)
    return model


def _input_shape(encoder: Encoder) -> tuple[int, ...]:
    if isinstance(encoder, TransformersVisual):
        return (3, encoder.crop, encoder.crop)
    if encoder.reads == "whole":
        return SOUND
    shape: tuple[int, ...] = pkgutil.resolve_name(encoder.implementation).input_shape
    return shape


def _assembled(encoders: Mapping[str, nn.Module], settings: Settings) -> Network:
    return build(
        encoders,
        settings.fusion,
        recursions=settings.recursions,
        frames=settings.windows.frames,
    )
