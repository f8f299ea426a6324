"""The colours of targets on pages: those of the pictures, by the names that `style.css` gives them.

Figures hold names, not colours, so that they follow the theme of the page.
"""

from __future__ import annotations

from collections.abc import Sequence

from rjcma.scoring import style

NAMES = {
    "#0072b2": "blue",
    "#d55e00": "vermillion",
    "#009e73": "green",
    "#cc79a7": "purple",
    "#e69f00": "orange",
    "#56b4e9": "sky",
}
"""The names of the pictures' colours."""


def colours(targets: Sequence[str]) -> dict[str, str]:
    """A colour for each target, as CSS.

    >>> colours(["arousal", "engagement"])
    {'arousal': 'var(--vermillion)', 'engagement': 'var(--green)'}
    """
    return {t: f"var(--{NAMES[colour]})" for t, colour in style.colours(targets).items()}


def soft_colours(targets: Sequence[str]) -> dict[str, str]:
    """The same colours, nearly transparent, for bands.

    >>> soft_colours(["valence"])
    {'valence': 'var(--blue-soft)'}
    """
    return {target: colour[:-1] + "-soft)" for target, colour in colours(targets).items()}
