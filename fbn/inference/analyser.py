"""``FaceAnalyser``: detection, tracking, alignment and prediction for pictures, videos and camera frames."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby, islice
from pathlib import Path
from typing import Any, Literal, TypeAlias, overload

import numpy as np
import torch

from fbn.compound import CompoundClasses
from fbn.errors import FormatError
from fbn.faces.align import align
from fbn.faces.arrays import PictureError, as_rgb
from fbn.faces.detect import Detector, make_detector
from fbn.faces.files import printable
from fbn.faces.frames import Frame
from fbn.faces.geometry import Box
from fbn.faces.landmarks import LandmarkNetwork, crop_landmarks, default_network
from fbn.faces.pictures import read_picture
from fbn.faces.track import Tracker
from fbn.inference.compounds import CompoundScorer
from fbn.inference.results import Affect, FaceResult, FrameResult
from fbn.inference.smooth import OneEuroFilter, median_filter
from fbn.models import store
from fbn.models.network import FaceNetwork
from fbn.models.onnx import OnnxNetwork
from fbn.records import Predictions
from fbn.tasks import AFFECT_TASKS

_BATCH = 64
Smoothing = Literal["median", "one_euro"]
#: Name or folder of a model, or a network.
Model: TypeAlias = str | Path | FaceNetwork | OnnxNetwork


class FaceAnalyser:
    """Detects, tracks and aligns faces and predicts their affect. Not thread-safe: use one per thread.

    Args:
        model: name or folder of a model, or a network (a torch network must be in evaluation mode); None: the default
            model.
        runtime: ``onnx`` (onnxruntime) or ``torch``, for a model given by name; both give the same results.
        detector: ``auto``, ``fbn``, ``yunet``, ``cascade``, or any ``Detector``.
        smooth: ``median`` (centred, so for ``stream`` and ``crop_stream`` only), ``one_euro``, or None.
        window: length of the median filter in frames, odd.
        flip: average the predictions of the crop and of its mirror image; doubles the computation.
        threads: number of threads of the network's runtime.
        landmarks: predicts the five landmarks for alignment; None: the shipped network.
        compounds: compound expressions to score zero-shot: ``rafdb``, ``emotionet``, ``du2014``, the name or file of
            a relatedness table with compound rows, or the classes. None: those that the model was trained for, if any.

    Attributes:
        scorer: scorer of compound expressions, or None.

    Raises:
        FbnError: the model or the detector's file is missing or damaged, or the model lacks a task that compound
            expressions are scored by.
        ValueError: a torch network in training mode.

    Example:
        >>> import fbn
        >>> from skimage.data import astronaut
        >>> analyser = fbn.FaceAnalyser("fbn", detector="cascade")
        >>> result = analyser(astronaut())
        >>> result.faces[0].affect.label.value
        'happiness'
        >>> [unit.short for unit in result.faces[0].affect.active_units]
        ['AU6', 'AU12', 'AU25']
        >>> result.to_pandas()[["face_id", "expression"]]
           face_id expression
        0        0  happiness
    """

    def __init__(
        self,
        model: Model | None = None,
        runtime: store.Runtime = "onnx",
        detector: str | Detector = "auto",
        smooth: Smoothing | None = None,
        window: int = 5,
        flip: bool = False,
        threads: int = 1,
        landmarks: LandmarkNetwork | None = None,
        compounds: str | CompoundClasses | None = None,
    ) -> None:
        if model is None or isinstance(model, str | Path):
            self.model = str(model or store.default())
            self.network = store.load(self.model, runtime, threads)
        else:
            if getattr(model, "training", False):
                raise ValueError("the network is in training mode: call its eval() first")
            self.model, self.network = type(model).__name__, model
        if isinstance(compounds, str):
            compounds = CompoundClasses.named(compounds)
        self.detector = make_detector(detector) if isinstance(detector, str) else detector
        self.landmarks = landmarks or default_network()
        self.smooth, self.window, self.flip = smooth, window, flip
        self.scorer = self._make_scorer(compounds)
        self.reset()

    @property
    def classes(self) -> CompoundClasses | None:
        """The compound expressions that are scored, or None."""
        return self.scorer.classes if self.scorer else None

    def _make_scorer(self, compounds: CompoundClasses | None) -> CompoundScorer | None:
        network = self.network
        if compounds is None:
            classes = network.classes
            return CompoundScorer(classes, network.temperature, learnt=True) if classes else None
        if not set(AFFECT_TASKS) <= set(tasks := network.tasks):
            reads = ", ".join(map(str, tasks))
            raise FormatError(f"{self.model} reads only {reads}: compound expressions are scored by all three tasks")
        return CompoundScorer(compounds)

    def reset(self) -> None:
        """Forget the faces that ``step`` tracks."""
        self._tracker = self._new_tracker()
        self._live_filter = OneEuroFilter()

    @overload
    def __call__(self, images: list[Any] | tuple[Any, ...]) -> list[FrameResult]: ...
    @overload
    def __call__(self, images: np.ndarray | str | Path) -> FrameResult: ...
    def __call__(self, images: Any) -> FrameResult | list[FrameResult]:
        """Analyse all faces of a picture, or of several independent pictures.

        Args:
            images: [H, W, 3] uint8 RGB, another picture that ``fbn.faces.arrays.as_rgb`` accepts, or the path of a
                picture file; or a list of those.

        Returns:
            The result, or for a list a list of results.

        Raises:
            PictureError: not a picture.
            FbnError: a file that cannot be read as a picture. For videos use ``stream`` or ``fbn.analyse``.
        """
        return (
            [self._read_one(image) for image in images] if isinstance(images, list | tuple) else self._read_one(images)
        )

    def _read_one(self, image: Any) -> FrameResult:
        if isinstance(image, str | Path):
            return next(self.stream([Frame(read_picture(image), input=printable(image))]))
        return self.picture(image)

    def picture(self, image: np.ndarray) -> FrameResult:
        """Analyse all faces of one picture, independently of the faces that ``step`` tracks.

        Args:
            image: [H, W, 3] uint8 RGB, or another picture that ``fbn.faces.arrays.as_rgb`` accepts.

        Raises:
            PictureError: not a picture.
        """
        return next(self.stream([Frame(as_rgb(image))]))

    def stream(self, frames: Iterable[Frame]) -> Iterator[FrameResult]:
        """Analyse frames one by one; tracking and face ids start anew for each input.

        Yields:
            One result per frame, in order; with ``smooth="median"`` delayed by ``window // 2`` frames.

        Raises:
            PictureError: the image of a frame is not a picture; see ``picture``.
        """
        for _, group in groupby(map(_checked, frames), key=lambda frame: frame.input):
            tracker = self._new_tracker()
            yield from self._smoothed(self._follow(frame, tracker) for frame in group)

    def step(self, frame: Frame) -> FrameResult:
        """Analyse the next frame of a live stream.

        Raises:
            ValueError: ``smooth="median"``, which would need later frames.
            PictureError: the image is not a picture; see ``picture``.
        """
        if self.smooth == "median":
            raise ValueError("the centred median needs frames to come: use stream(), or smooth='one_euro'")
        result = self._follow(_checked(frame), self._tracker)
        return self._live_filter(result) if self.smooth == "one_euro" else result

    def crop_stream(self, frames: Iterable[Frame]) -> Iterator[FrameResult]:
        """Analyse face crops of any size and tightness; each gives one face.

        Crops of one input are treated as one face over time, as from a video, and smoothed accordingly.

        Raises:
            PictureError: the image of a frame is not a picture; see ``picture``.
        """
        for _, group in groupby(self._read_crops(frames), key=lambda result: result.input):
            yield from self._smoothed(group)

    def _read_crops(self, frames: Iterable[Frame]) -> Iterator[FrameResult]:
        # lazily, so that only crops are kept: a batch of large pictures would fill the memory
        aligned = map(self._align_crop, map(_checked, frames))
        while batch := list(islice(aligned, _BATCH)):
            affects = self._read(np.stack([crop for _, _, crop in batch]))
            for (empty, landmarks, _), affect in zip(batch, affects, strict=True):
                width, height = empty.size
                face = FaceResult(0, Box(0.0, 0.0, float(width), float(height)), 1.0, landmarks, affect)
                yield replace(empty, faces=(face,))

    def _align_crop(self, frame: Frame) -> tuple[FrameResult, np.ndarray, np.ndarray]:
        landmarks = crop_landmarks(frame.image, self.landmarks)
        return _result(frame, ()), landmarks, align(frame.image, landmarks, self.network.spec.size)

    def crops(self, images: Iterable[np.ndarray]) -> list[Affect]:
        """Analyse face crops of any size, each as in ``picture``; errors name the crop by its index."""
        frames = (Frame(image, index) for index, image in enumerate(images))
        return [result.faces[0].affect for result in self.crop_stream(frames)]

    def predict(self, crops: np.ndarray) -> Predictions:
        """Run the network on aligned crops.

        Args:
            crops: [B, 112, 112, 3] uint8 RGB (or the size of ``network.spec``), or pictures of that size.

        Returns:
            Predictions of batch shape [B]; with ``compound_logits`` of ``classes`` if compounds are scored.
        """
        images = self.network.spec.prepare(crops)
        with torch.inference_mode():
            predictions = self.network(images)
            if self.flip:
                predictions = _mean(predictions, self.network(images.flip(-1)))
            return self.scorer.complete(predictions) if self.scorer else predictions

    def _smoothed(self, results: Iterable[FrameResult]) -> Iterable[FrameResult]:
        """Add smoothed values to the results of one input, if ``smooth`` is set."""
        if self.smooth == "median":
            return median_filter(results, self.window)
        return map(OneEuroFilter(), results) if self.smooth == "one_euro" else results

    def _new_tracker(self) -> Tracker:
        return Tracker(self.detector, self.landmarks)

    def _follow(self, frame: Frame, tracker: Tracker) -> FrameResult:
        tracks = tracker.step(frame.image, frame.timestamp)
        size = self.network.spec.size
        crops = [align(frame.image, track.landmarks, size) for track in tracks]
        affects = self._read(np.stack(crops)) if crops else []
        faces = (
            FaceResult(track.face_id, track.box, track.score, track.landmarks, affect, turned=track.turned)
            for track, affect in zip(tracks, affects, strict=True)
        )
        return _result(frame, tuple(faces))

    def _read(self, crops: np.ndarray) -> list[Affect]:
        with torch.inference_mode():
            return Affect.of(self.predict(crops), self.scorer)


def _checked(frame: Frame) -> Frame:
    """Return the frame with its image as [H, W, 3] uint8 RGB."""
    if not isinstance(frame, Frame):
        raise PictureError(f"{type(frame).__name__} is no Frame: expected Frame(image, index, timestamp, input)")
    try:
        image = as_rgb(frame.image)
    except PictureError as error:
        raise PictureError(f"{frame.input}{', ' * bool(frame.input)}frame {frame.index}: {error}") from None
    return frame if image is frame.image else replace(frame, image=image)


def _mean(one: Predictions, other: Predictions) -> Predictions:
    return Predictions({task: (value + other[task]) / 2 for task, value in one.items()})


def _result(frame: Frame, faces: tuple[FaceResult, ...]) -> FrameResult:
    height, width = frame.image.shape[:2]
    return FrameResult(frame.input, frame.index, frame.timestamp, (width, height), faces)
