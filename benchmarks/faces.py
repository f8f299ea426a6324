"""Faces found in videos: how well, how fast, and what it costs to look less often.

    python -m benchmarks.faces MODEL [CORPUS]

MODEL is YuNet's ONNX file. CORPUS is a folder in Aff-Wild2's layout whose crops were aligned to the
usual 112 x 112 template: the place of each crop in its picture is looked for, and compared with the
place found here. Exact errors are measured on the sample's drawn faces. Errors and jitter (the mean
second difference of landmarks over time) are in pixels of the crop of 112 x 112. Speeds are those
of one core, of the stage's whole work; all are measured in one run, and ratios are to a plain loop
that detects in every frame at full size.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import av
import cv2
import numpy as np
import typer

from benchmarks.measuring import cost
from rjcma.sample.canvas import Canvas
from rjcma.sample.cast import VIDEOS
from rjcma.sample.corpus import draw_scene
from rjcma.sample.portrait import draw_person
from rjcma.vision.alignment import SIDE, Floats, applied, corners, crop, similarity
from rjcma.vision.finding import Seen, Stretch, follow, landmarks_by_frame, opened, whole
from rjcma.vision.people import Choice, choose
from rjcma.vision.pictures import Pixels
from rjcma.vision.settings import Faces

SIZES = {"480p": (854, 480), "720p": (1280, 720), "4K": (3840, 2160)}
FRAMES, RATE = 250, 25
EVERY = (1, 3, 5)
SURE = 0.9  # the least correlation of a crop with its picture where the place is said to be found
SAMPLE = 8  # of the sample's videos
EYE_HEIGHT = -0.05  # of the sample's eyes, in half heights of the head

PLAIN = """
import sys, av, cv2, numpy as np
cv2.setNumThreads(1)
engine, model, video = sys.argv[1:4]
if engine == "yunet":
    network = cv2.FaceDetectorYN.create(model, "", (320, 320))
else:
    network = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_alt.xml")
for frame in av.open(video).decode(video=0):
    picture = frame.to_ndarray(format="bgr24")
    if engine == "yunet":
        network.setInputSize((picture.shape[1], picture.shape[0]))
        found = network.detect(picture)[1]
        boxes = [] if found is None else found[:, :4]
    else:
        boxes = network.detectMultiScale(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY))
    for x, y, w, h in np.array(boxes).astype(int)[:1]:
        face = picture[max(y, 0) : y + h, max(x, 0) : x + w]
        cv2.resize(face, (48, 48), interpolation=cv2.INTER_AREA)
"""

STAGE = """
import json, sys
from pathlib import Path
from rjcma.manifest import Clip
from rjcma.vision.finding import find
from rjcma.vision.settings import Faces
settings, video, frames, rate, out = sys.argv[1:]
clip = Clip(name="film", video="film", partition="train", fps=float(rate), frames=int(frames),
    file="film", video_digest="", decoded=int(frames), times=None, faces=None, faces_digest="",
    sound=False)
find(Faces.model_validate(json.loads(settings)), Path(video), clip, Path(out))
"""


class Found(NamedTuple):
    """What was found in a video."""

    stretch: Stretch
    seen: Seen
    choice: Choice
    landmarks: Floats
    """(T, 5, 2), NaN where there is no face."""

    @property
    def share(self) -> float:
        """Of the frames: those with a face."""
        return float(np.isfinite(self.landmarks[:, 0, 0]).mean())


def main(model: str, corpus: Annotated[Path | None, typer.Argument()] = None) -> None:
    """Print a table of quality per clip, errors on drawn faces, and speeds."""
    engines = {"yunet": {"engine": "yunet", "model": model}, "haar": {"engine": "haar"}}
    if corpus is not None:
        print(
            "real clips: share of frames, IoU with given crops (of frames placed), jitter raw/kept"
        )
        for engine, detector in engines.items():
            real(engine, detector, corpus)
    print("drawn faces: share of frames, bias and deviation of the eyes")
    for engine, detector in engines.items():
        drawn(engine, detector)
    print("speed: frames a second, MiB; ratio to the plain loop; overlap with every: 1")
    with tempfile.TemporaryDirectory() as folder:
        for name, size in SIZES.items():
            video = scaled(Path(folder) / f"{name}.mp4", size)
            for engine, detector in engines.items():
                speed(name, engine, detector, video)


def found(video: Path, detector: Mapping[str, Any], every: int = 1, person: Any = None) -> Found:
    """Find the faces of a video, as the stage does."""
    settings = Faces.model_validate({"detector": detector, "every": every})
    stretch = whole(video)
    seen = follow(stretch, settings, opened(settings))
    stretch = stretch._replace(frames=seen.frames)
    choice = choose(seen.tracks, person, stretch.fps, seen.size[0])
    return Found(stretch, seen, choice, landmarks_by_frame(choice, stretch))


def real(engine: str, detector: Mapping[str, Any], corpus: Path) -> None:
    """Compare with the crops that a corpus has."""
    for video in sorted((corpus / "videos").iterdir()):
        made = found(video, detector)
        overlaps = []
        for number, picture in enumerate(made.stretch.pictures()):
            given = corpus / "cropped_aligned" / video.stem / f"{number + 1:05d}.jpg"
            if given.is_file() and np.isfinite(made.landmarks[number]).all():
                theirs = cv2.imread(str(given), cv2.IMREAD_COLOR_RGB)
                place = located(picture.pixels(), made.landmarks[number], theirs)
                if place is not None:
                    overlaps.append(quads(place, corners(made.landmarks[number])))
        raw = (
            np.concatenate([track.faces for track in made.choice.person.tracks])[:, 4:14]
            if made.choice.person
            else np.empty((0, 10))
        )
        mean = f"{np.mean(overlaps):.3f}" if overlaps else "-"
        print(
            f"  {engine:6s} {video.stem:14s} {made.share:5.0%}  {mean} ({len(overlaps)})"
            f"  {jitter(raw.reshape(-1, 5, 2)):.2f} {jitter(made.landmarks):.2f}",
            flush=True,
        )


def located(picture: Pixels, landmarks: Floats, theirs: Pixels) -> Floats | None:
    """The corners (4, 2) of a given crop in its picture, near the one found; None if unsure."""
    ours = cv2.cvtColor(crop(picture, landmarks, SIDE), cv2.COLOR_RGB2GRAY)
    grey = cv2.cvtColor(cv2.resize(theirs, (SIDE, SIDE)), cv2.COLOR_RGB2GRAY)
    warp = np.eye(2, 3, dtype=np.float32)
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 100, 1e-5)
    try:
        sure, warp = cv2.findTransformECC(grey, ours, warp, cv2.MOTION_AFFINE, stop, None, 5)
    except cv2.error:
        return None
    if sure < SURE:
        return None
    square = np.array([[0, 0], [SIDE, 0], [SIDE, SIDE], [0, SIDE]]) - 0.5
    to_crop = similarity(landmarks)
    within = applied(np.asarray(warp, np.float64), square)
    return np.asarray((within - to_crop[:, 2]) @ np.linalg.inv(to_crop[:, :2]).T)


def quads(one: Floats, other: Floats) -> float:
    """Intersection over union of two quadrilaterals."""
    a, b = (np.asarray(each, np.float32) for each in (one, other))
    shared = cv2.intersectConvexConvex(a, b)[0]
    return float(shared / (cv2.contourArea(a) + cv2.contourArea(b) - shared))


def jitter(landmarks: Floats) -> float:
    """The mean second difference of landmarks (T, 5, 2) over time."""
    steps = landmarks[2:] - 2 * landmarks[1:-1] + landmarks[:-2]
    known = np.isfinite(steps).all((1, 2))
    scales = [np.hypot(*similarity(each)[:, 0]) for each in landmarks[1:-1][known]]
    sizes = np.linalg.norm(steps[known], axis=2).mean(1) * scales
    return float(sizes.mean()) if len(sizes) else np.nan


def drawn(engine: str, detector: Mapping[str, Any]) -> None:
    """Compare with where the sample's eyes are drawn."""
    shares, errors = [], []
    with tempfile.TemporaryDirectory() as folder:
        for video in [v for v in VIDEOS if len(v.people) == 1][:SAMPLE]:
            scene = draw_scene(video, seed=1)
            path = Path(folder) / f"{video.name}.mp4"
            eyes = np.empty((len(scene.times), 2, 2))
            write(path, _drawn(scene, eyes), video.size, float(video.fps))
            made = found(path, detector)
            shares.append(made.share)
            for place, landmarks in zip(eyes, made.landmarks):
                if np.isfinite(landmarks).all():
                    scale = np.hypot(*similarity(landmarks)[:, 0])
                    errors.append((landmarks[:2] - place) * scale)
    bias, spread = np.mean(errors, 0), np.std(errors, 0)
    size = np.linalg.norm(errors, axis=2).mean()
    print(
        f"  {engine:6s} {np.mean(shares):.0%}  bias {bias.round(1).tolist()}"
        f"  deviation {spread.round(2).tolist()}  mean distance {size:.2f}",
        flush=True,
    )


def _drawn(scene: Any, eyes: Floats) -> Iterator[Pixels]:
    """The frames of a scene of one person; enters where the eyes are, (T, 2, 2)."""
    width, height = scene.video.size
    looks, faces = scene.looks[0], scene.expressions[0]
    for k, face in enumerate(faces):
        canvas = Canvas(scene.room)
        centre = (width / 2, 0.47 * height)
        place = draw_person(canvas, looks, face, centre, 0.295 * height)
        reach = looks.width
        angles = np.arcsin(np.array([-1, 1]) * looks.eye_gap / reach) + face.turn
        points = np.stack([reach * np.sin(angles), [EYE_HEIGHT] * 2], axis=1)
        eyes[k] = points @ place[:, :2].T + place[:, 2]
        yield canvas.picture()


def scaled(path: Path, size: tuple[int, int]) -> Path:
    """A drawn person in a video of this size."""
    scene = draw_scene(VIDEOS[0], seed=1)
    eyes = np.empty((len(scene.times), 2, 2))
    frames = (cv2.resize(each, size) for each in _drawn(scene, eyes))
    write(path, (frame for _, frame in zip(range(FRAMES), frames)), size, RATE)
    return path


def write(path: Path, frames: Iterator[Pixels], size: tuple[int, int], rate: float) -> None:
    """Write a video."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=round(rate))
        stream.width, stream.height = size
        stream.pix_fmt, stream.options = "yuv420p", {"preset": "superfast", "crf": "21"}
        for image in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))


def speed(name: str, engine: str, detector: Mapping[str, Any], video: Path) -> None:
    """Print the costs of the plain loop and of the stage's work, by `every`."""
    here, one = Path.cwd(), {"OMP_NUM_THREADS": "1"}
    model = str(detector.get("model", "-"))
    plain = cost([sys.executable, "-c", PLAIN, engine, model, str(video)], here, **one)
    print(
        f"  {name:5s} {engine:6s} plain    {FRAMES / plain.processor:5.1f}/s"
        f" {plain.mebibytes:6.0f} MiB"
    )
    each = found(video, detector)
    for every in EVERY:
        settings = json.dumps({"detector": dict(detector), "every": every})
        out = video.with_suffix(".h5")
        words = [settings, str(video), str(FRAMES), str(RATE), str(out)]
        used = cost([sys.executable, "-c", STAGE, *words], here, **one)
        made = found(video, detector, every)
        kept = [
            quads(corners(a), corners(b))
            for a, b in zip(made.landmarks, each.landmarks)
            if np.isfinite([a, b]).all()
        ]
        overlap = f"{np.mean(kept):.3f}" if kept else "-"
        print(
            f"  {name:5s} {engine:6s} every {every}  {FRAMES / used.processor:5.1f}/s"
            f" {used.mebibytes:6.0f} MiB  x {plain.processor / used.processor:.1f}"
            f"  overlap {overlap}",
            flush=True,
        )


if __name__ == "__main__":
    typer.run(main)
