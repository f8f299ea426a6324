"""The params section `faces`: face crops."""

from __future__ import annotations

from pydantic import Field

from rjcma.params import Section


class Faces(Section):
    """How face crops are stored."""

    size: int = Field(48, ge=8, le=512)
    """Height and width of the stored crops in pixels (48: the released code, whose encoder sees
    40 x 40 of them; the bounds are ours)."""
