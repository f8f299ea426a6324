"""Pictures of a film: all of one even size, whatever the sizes of a video's pictures are."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from rjcma.vision.pictures import Picture, Pixels

Size = tuple[int, int]
"""Width and height in pixels."""


class Place(NamedTuple):
    """Where a picture is in a film, in pixels; it may be reduced or enlarged."""

    left: int
    top: int
    width: int
    height: int

    @classmethod
    def of(cls, picture: Size, size: Size) -> Place:
        """The largest place in the middle of `size` that has the shape of the picture."""
        scale = min(size[0] / picture[0], size[1] / picture[1])
        width, height = (max(1, round(scale * side)) for side in picture)
        return cls((size[0] - width) // 2, (size[1] - height) // 2, width, height)

    def boxes(self, boxes: NDArray[np.float64], picture: Size) -> NDArray[np.float64]:
        """Boxes (..., 4) of left, top, width and height in a picture -> in the film."""
        scale = np.array([self.width / picture[0], self.height / picture[1]])
        return np.asarray(boxes * np.tile(scale, 2) + (self.left, self.top, 0, 0))


def even(size: Size) -> Size:
    """The size with an even width and height, as the encoder needs it: a pixel more if odd.

    >>> even((481, 360))
    (482, 360)
    """
    return size[0] + size[0] % 2, size[1] + size[1] % 2


def put(picture: Picture, image: Pixels, size: Size) -> Place:
    """Put a picture into the upper left part of an image, of this size -> where it is.

    A picture of another shape is shown whole, between black bars. If the image is larger, the edge
    of the part is repeated.
    """
    width, height = size
    place = Place.of(picture.size, size)
    pixels = picture.pixels(max(place.width, place.height))
    own = (place.width, place.height)
    if pixels.shape[1::-1] != own:
        pixels = np.asarray(cv2.resize(pixels, own, interpolation=cv2.INTER_CUBIC), np.uint8)
    if own != size:
        image[:] = 0
    image[place.top : place.top + place.height, place.left : place.left + place.width] = pixels
    image[:height, width:] = image[:height, width - 1 : width]
    image[height:] = image[height - 1 : height]
    return place
