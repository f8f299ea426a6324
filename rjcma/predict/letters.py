"""Text of any script as masks, drawn by Pillow.

The font is DejaVu Sans, which comes with matplotlib. Characters that it lacks (Chinese, Hindi) are
taken from the first font of this machine that has them; where none has them, they are boxes.
"""

from __future__ import annotations

import functools
import unicodedata
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib import font_manager
from matplotlib.ft2font import FT2Font
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

FONTS = Path(mpl.get_data_path()) / "fonts" / "ttf"
REGULAR, BOLD = FONTS / "DejaVuSans.ttf", FONTS / "DejaVuSans-Bold.ttf"

Mask = NDArray[np.uint8]
"""(height, width), 0 to 255: how far each pixel is covered."""


class Letters:
    """A font of a size in pixels; all its masks have the same height and baseline."""

    def __init__(self, size: int, *, bold: bool = False) -> None:
        self.size, self.font = size, BOLD if bold else REGULAR
        self.ascent, descent = _loaded(self.font, size).getmetrics()
        self.height = self.ascent + descent

    def width(self, text: str) -> int:
        """The width of a text in pixels."""
        return _width(_drawable(text), self.font, self.size)

    def mask(self, text: str) -> Mask:
        """The text, (height, width)."""
        return _mask(_drawable(text), self.font, self.size, self.ascent, self.height)


def is_right_to_left(text: str) -> bool:
    """Whether a text is read from right to left: its first letter tells.

    >>> is_right_to_left("(hello)"), is_right_to_left("שלום")
    (False, True)
    """
    directions = (unicodedata.bidirectional(character) for character in text)
    return next((d in ("R", "AL") for d in directions if d in ("L", "R", "AL")), False)


def _drawable(text: str) -> str:
    """The text without control characters and ends of lines, which have no letters."""
    return "".join(c for c in text if unicodedata.category(c) not in ("Cc", "Cs", "Zl", "Zp"))


@functools.lru_cache(maxsize=65536)
def _width(text: str, font: Path, size: int) -> int:
    return max(1, round(_loaded(having(text, font), size).getlength(text)))


@functools.lru_cache(maxsize=512)
def _mask(text: str, font: Path, size: int, ascent: int, height: int) -> Mask:
    image = Image.new("L", (_width(text, font, size), height))
    face = _loaded(having(text, font), size)
    ImageDraw.Draw(image).text((0, ascent), text, fill=255, font=face, anchor="ls")
    return np.asarray(image)


@functools.lru_cache(maxsize=64)
def _loaded(font: Path, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(font), size)


def having(text: str, font: Path = REGULAR) -> Path:
    """The font, or another one of this machine that has the characters which it lacks."""
    lacking = frozenset(c for c in text if not c.isspace() and c.isprintable())
    lacking -= _characters(font)
    return _other(lacking) or font if lacking else font


@functools.lru_cache(maxsize=4)
def _characters(font: Path) -> frozenset[str]:
    return frozenset(map(chr, FT2Font(str(font)).get_charmap()))


@functools.lru_cache(maxsize=4096)
def _other(characters: frozenset[str]) -> Path | None:
    """The first font of this machine, by path, that has these characters."""
    for path in _installed():
        try:
            font = FT2Font(str(path))
        except (RuntimeError, OSError):  # a font that FreeType cannot read
            continue
        if all(font.get_char_index(ord(character)) for character in characters):
            return path
    return None


@functools.cache
def _installed() -> tuple[Path, ...]:
    return tuple(sorted(Path(path) for path in font_manager.findSystemFonts()))
