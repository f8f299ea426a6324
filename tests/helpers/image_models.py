"""Tiny image models of `transformers` with random weights, and their processors, for tests."""

from __future__ import annotations

from pathlib import Path

import torch
import transformers as t
from transformers.utils import logging

logging.disable_progress_bar()

SIZE = 32
"""Pixels of their input."""

VIT = {
    "hidden_size": 20,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "initializer_range": 0.2,  # so that vectors differ clearly
}
SEES = {"image_size": SIZE, "patch_size": 8}
READS = {"vocab_size": 30, "bos_token_id": 1, "eos_token_id": 2, **VIT}

MODELS = {
    "vit": lambda: t.ViTModel(t.ViTConfig(**SEES, **VIT)),
    "vit classifier": lambda: t.ViTForImageClassification(t.ViTConfig(**SEES, **VIT)),
    "deit": lambda: t.DeiTModel(t.DeiTConfig(**SEES, **VIT)),
    "dinov2": lambda: t.Dinov2Model(t.Dinov2Config(**SEES, **VIT)),
    "registers": lambda: t.Dinov2WithRegistersModel(
        t.Dinov2WithRegistersConfig(**SEES, num_register_tokens=3, **VIT)
    ),
    "beit": lambda: t.BeitModel(t.BeitConfig(**SEES, **VIT)),
    "clip": lambda: t.CLIPModel(
        t.CLIPConfig(text_config=READS, vision_config={**SEES, **VIT}, projection_dim=5)
    ),
    "siglip": lambda: t.SiglipModel(
        t.SiglipConfig(text_config=READS, vision_config={**SEES, **VIT})
    ),
    "convnext": lambda: t.ConvNextModel(
        t.ConvNextConfig(hidden_sizes=[8, 10, 12, 14], depths=[1, 1, 1, 1], initializer_range=0.2)
    ),
    "swin": lambda: t.SwinModel(
        t.SwinConfig(
            image_size=SIZE,
            patch_size=4,
            window_size=2,
            embed_dim=8,
            depths=[1, 1],
            num_heads=[2, 2],
            initializer_range=0.2,
        )
    ),
    "resnet": lambda: t.ResNetModel(
        t.ResNetConfig(hidden_sizes=[8, 12], depths=[1, 1], embedding_size=8)
    ),
    "cvt": lambda: t.CvtModel(
        t.CvtConfig(
            embed_dim=[8, 10, 12], num_heads=[1, 1, 1], depth=[1, 2, 3], initializer_range=0.2
        )
    ),
    "dinov3 convnext": lambda: t.DINOv3ConvNextModel(
        t.DINOv3ConvNextConfig(hidden_sizes=[8, 10, 12], depths=[1, 1, 1], initializer_range=0.2)
    ),
}
"""By name, what makes a model."""

TOKENS_BEFORE_PATCHES = {
    "vit": 1,
    "vit classifier": 1,
    "deit": 2,
    "dinov2": 1,
    "registers": 4,
    "beit": 1,
    "clip": 1,
    "siglip": 0,
    "dinov3 convnext": 1,
}
"""Of the models whose states are tokens, as their papers say; others have cells."""


def save(folder: Path, name: str, *, seed: int = 3, processor: bool = True, **reads) -> Path:
    """Save a model and its processor as `save_pretrained` does; -> its folder.

    `reads` changes what the processor says.
    """
    torch.manual_seed(seed)
    MODELS[name]().save_pretrained(folder)
    if processor:
        preprocessor(**reads).save_pretrained(folder)
    return folder


def preprocessor(**changes):
    """A processor with a mean and a deviation of its own in each channel."""
    values = {
        "size": {"height": SIZE, "width": SIZE},
        "image_mean": [0.4, 0.5, 0.6],
        "image_std": [0.2, 0.3, 0.25],
        "resample": 2,
    }
    return t.ViTImageProcessor(**{**values, **changes})
