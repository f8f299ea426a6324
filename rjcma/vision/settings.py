"""What the params file says of face crops."""

from __future__ import annotations

from pydantic import Field

from rjcma.params import Section


class Faces(Section):
    """Section `faces`."""

    size: int = Field(48, ge=8, le=512)
    """Height and width of the stored crops in pixels (48: the released code; its encoder sees 40
    of them. The bounds are ours)."""
