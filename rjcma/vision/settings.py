"""The params section `faces`: face crops, and how faces are found in videos without crops."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from rjcma.params import NotKeyed, Section


class Detector(Section):
    """What finds the faces in a picture."""

    pixels: int = Field(480, ge=64, le=4096)
    """The longer side of the picture in which faces are looked for: a larger video is reduced, but
    crops are cut from the full picture (ours: smaller ones are faster and miss small faces)."""

    implementation: ClassVar[str]
    """The function, as `module:name`, that gives the detector (`rjcma.vision.finding.Detect`)."""


class YuNet(Detector):
    """OpenCV's small network (YuNet; Wu et al., 2023), which also finds five landmarks."""

    engine: Literal["yunet"]
    model: Annotated[str, NotKeyed] = Field(min_length=1)
    """The network's ONNX file."""
    score: float = Field(0.6, gt=0, lt=1)
    """The lowest score of a face (0.6: OpenCV's example)."""

    implementation: ClassVar[str] = "rjcma.vision.yunet:detector"


class Haar(Detector):
    """The cascades of OpenCV's package (Viola and Jones, 2001): weaker, nothing to download."""

    engine: Literal["haar"]
    pixels: int = Field(320, ge=64, le=4096)

    implementation: ClassVar[str] = "rjcma.vision.haar:detector"


class Faces(Section):
    """How face crops are stored, and how faces are found where a clip has no crops."""

    size: int = Field(48, ge=8, le=512)
    """Height and width of the stored crops in pixels (48: the released code, whose encoder sees
    40 x 40 of them; the bounds are ours)."""
    detector: Annotated[YuNet | Haar, Field(discriminator="engine")] | None = None
    """What finds faces in the video of a clip without crops; null: such a clip has no faces."""
    every: int = Field(1, ge=1, le=100)
    """Faces are looked for in every n-th frame, and before and after a cut; between, they are
    interpolated (ours)."""
    bridge: float = Field(0.25, ge=0, le=10)
    """The longest gap, in seconds, within which a face is interpolated (ours)."""
