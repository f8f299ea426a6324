"""Look at the pictures of one video with several threads; what is found is the same.

One thread decodes and reduces pictures, others look for faces in them, and the caller follows the
faces from picture to picture. A few pictures are held at a time, so memory does not grow.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any, NamedTuple, TypeVar, cast

from rjcma.jobs.progress import watched
from rjcma.vision.finding import Seen, Stretch, follow, opened
from rjcma.vision.pictures import Picture, Pixels
from rjcma.vision.settings import Faces as Settings
from rjcma.vision.tracks import Detect, Faces

HELD = 8
"""Pictures that are held for each thread (ours)."""

T = TypeVar("T")


def follow_ahead(stretch: Stretch, settings: Settings, threads: int) -> Seen:
    """What `rjcma.vision.finding.follow` finds, with so many threads that look for faces.

    Shows progress. Raises `Problem` as that does, and for pictures of more than one size.
    """
    assert settings.detector is not None
    own = threading.local()

    def detect(pixels: Pixels) -> Faces:
        if not hasattr(own, "detect"):
            own.detect = opened(settings)
        detector: Detect = own.detect
        return detector(pixels)

    opened(settings)  # a model that cannot be used is reported before anything is decoded
    with ThreadPoolExecutor(threads) as pool:
        looked = _Looked(stretch, settings, lambda pixels: pool.submit(detect, pixels))
        return follow(cast(Stretch, looked), settings, looked.found)


class _Reduced(NamedTuple):
    """A picture of which only the reduced pixels are kept."""

    size: tuple[int, int]
    reduced: Pixels

    def pixels(self, _: int) -> Pixels:
        """The pixels, already of the size that is asked for."""
        return self.reduced


class _Looked:
    """A stretch whose pictures have been looked at, or are being looked at, when they are given."""

    def __init__(
        self, stretch: Stretch, settings: Settings, look: Callable[[Pixels], Future[Faces]]
    ) -> None:
        assert settings.detector is not None
        self.fps = stretch.fps
        self._stretch, self._look, self._longest = stretch, look, settings.detector.pixels
        self._every = settings.every
        self._begun: dict[int, Future[Faces]] = {}

    def pictures(self) -> Iterator[_Reduced]:
        """The pictures in order; with `every` at 1, faces are looked for in all of them ahead."""
        name, frames = self._stretch.path.name, self._stretch.frames
        source = (self._reduced(picture) for picture in self._stretch.pictures())
        yield from watched(f"{name}: faces", frames, "frame", in_thread(source, HELD))
        self._begun.clear()

    def found(self, pixels: Pixels) -> Faces:
        """The faces in pixels that `pictures` gave."""
        begun = self._begun.pop(id(pixels), None)
        return (self._look(pixels) if begun is None else begun).result()

    def _reduced(self, picture: Picture) -> _Reduced:
        pixels = picture.pixels(self._longest)
        if self._every == 1:
            self._begun[id(pixels)] = self._look(pixels)
        return _Reduced(picture.size, pixels)


def in_thread(items: Iterator[T], held: int) -> Iterator[T]:
    """The same items, made ahead by a thread of their own, of which at most `held` wait."""
    end: Any = object()
    with ExitStack() as stack:
        thread = stack.enter_context(ThreadPoolExecutor(1))
        waiting = deque(thread.submit(next, items, end) for _ in range(held))
        stack.callback(lambda: [future.cancel() for future in waiting])
        while (item := waiting.popleft().result()) is not end:
            waiting.append(thread.submit(next, items, end))
            yield item


def in_order(
    function: Callable[..., T], calls: Iterator[tuple[Any, ...]], threads: int
) -> Iterator[T]:
    """The function's results for all arguments, in their order, by so many threads."""
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[T]] = deque()
        for arguments in calls:
            waiting.append(pool.submit(function, *arguments))
            if len(waiting) >= threads * 2:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
