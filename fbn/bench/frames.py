"""Speed and memory without a browser: single frames, batches, reading a video, a long video, drawing faces."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime
import torch

from fbn.errors import FbnError
from fbn.faces.frames import Frame, read_file
from fbn.inference.analyser import FaceAnalyser
from fbn.models import store
from fbn.relatedness import RelatednessTable
from fbn.synthetic.domains import DOMAINS
from fbn.synthetic.render import render
from fbn.synthetic.world import World


class _Timed:
    """Wraps a callable and sums up its processor time; other attributes are those of the wrapped object."""

    def __init__(self, call: Any) -> None:
        self._call = call
        self.seconds = 0.0

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        start = time.process_time()
        try:
            return self._call(*args, **kwargs)
        finally:
            self.seconds += time.process_time() - start

    def __getattr__(self, name: str) -> Any:
        return getattr(self._call, name)


def moving_face(count: int, size: tuple[int, int] = (640, 480), rate: float = 30) -> Iterator[Frame]:
    """Yield frames of scikit-image's astronaut, slowly moving and zooming.

    Args:
        count: number of frames.
        size: width, height.
        rate: frames per second.
    """
    from skimage.data import astronaut

    picture, (width, height) = astronaut(), size
    for i in range(count):
        turn = 2 * np.pi * i / (4 * rate)  # a period of four seconds
        zoom = height / 400 * (1 + 0.1 * np.sin(turn))
        # the face's centre is about (223, 115) in the picture
        x = width / 2 - zoom * 223 + 0.1 * width * np.cos(turn)
        y = height * 0.4 - zoom * 115 + 0.05 * height * np.sin(2 * turn)
        image = cv2.warpAffine(picture, np.array([[zoom, 0, x], [0, zoom, y]]), size, borderMode=cv2.BORDER_REPLICATE)
        yield Frame(image, i, i / rate, "astronaut")


def frame_times(model: str | None = None, detector: str = "auto", count: int = 300) -> dict[str, Any]:
    """Measure the milliseconds per 640x480 frame with one tracked face, on one thread.

    Returns:
        For each stage (detector, landmarks, network, other: alignment and bookkeeping, total) the median and the 95th
        percentile of processor time over ``count`` frames after the first; the same of the elapsed time as ``wall``,
        which is longer on a busy machine; ``faces``: number of frames with one face.
    """
    _use_one_thread()
    analyser = FaceAnalyser(model, detector=detector)
    name = type(analyser.detector).__name__
    stages = {"detector": _Timed(analyser.detector), "landmarks": _Timed(analyser.landmarks)}
    stages["network"] = _Timed(analyser.network)
    analyser.detector, analyser.landmarks = stages["detector"], stages["landmarks"]  # type: ignore[assignment]
    analyser.network = stages["network"]  # type: ignore[assignment]
    analyser.reset()
    rows, faces = [], 0
    for frame in list(moving_face(count + 1)):
        for stage in stages.values():
            stage.seconds = 0.0
        start, wall = time.process_time(), time.perf_counter()
        faces += len(analyser.step(frame).faces) == 1
        total, wall = time.process_time() - start, time.perf_counter() - wall
        parts = [stage.seconds for stage in stages.values()]
        rows.append([*parts, total - sum(parts), total, wall])
    times = np.array(rows[1:]).T  # without the first frame, which warms up and searches at every scale
    names = (*stages, "other", "total", "wall")
    figures = {stage: _milliseconds(seconds) for stage, seconds in zip(names, times, strict=True)}
    return {"model": analyser.model, "detector_used": name, "frames": count, "faces": faces, **figures}


def throughput(model: str | None = None, rounds: int = 15, batch: int = 64) -> dict[str, Any]:
    """Measure the faces per second of ``FaceAnalyser`` and of the bare onnxruntime session on the same crops.

    The analyser's time includes the conversion of uint8 crops, the session's does not. Both run interleaved on one
    thread and are measured in processor time, so that other work on the machine does not count.
    """
    _use_one_thread()
    analyser = FaceAnalyser(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    path = store.find(analyser.model) / store.ONNX
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    size = analyser.network.spec.size
    crops = np.random.default_rng(0).integers(0, 256, (batch, size, size, 3), dtype=np.uint8)
    ready = analyser.network.spec.prepare(crops).contiguous().numpy()
    ours, bare = [], []
    for _ in range(rounds + 1):
        ours.append(_processor_seconds(lambda: analyser.predict(crops)))
        bare.append(_processor_seconds(lambda: session.run(None, {"images": ready})))
    fast, reference = (batch / float(np.median(times[1:])) for times in (ours, bare))
    return {
        "model": analyser.model,
        "batch": batch,
        "analyser_faces_per_s": fast,
        "session_faces_per_s": reference,
        "ratio": float(np.median(np.array(bare[1:]) / np.array(ours[1:]))),
    }


def reading(video: Path | None = None, every: int = 1, rounds: int = 7) -> dict[str, Any]:
    """Compare the processor time of reading a video by ``read_file`` and by OpenCV's ``VideoCapture``, interleaved.

    Both return RGB frames. Processor time of all threads is measured, so that other work on the machine does not count.

    Args:
        video: the file; by default twenty seconds of a moving face, 640x480, MPEG-4 in mp4.
        every: read each n-th frame.
        rounds: number of timed rounds, after one to warm up.

    Returns:
        frames: frames read in one round; fbn_ms, opencv_ms: median milliseconds per frame; ratio: median over rounds
        of fbn's time divided by OpenCV's, below 1 if fbn is faster.

    Raises:
        FbnError: the video cannot be read, or OpenCV reads another number of frames.
    """
    taken: dict[str, int] = {}
    spent: dict[str, list[float]] = {"fbn": [], "opencv": []}
    with tempfile.TemporaryDirectory() as folder:
        if video is None:
            _write_video(video := Path(folder) / "face.mp4", 600, 30, (640, 480))
        for _ in range(rounds + 1):
            for name, frames in (("fbn", read_file(video, every)), ("opencv", _opencv_frames(video, every))):
                start = time.process_time()
                taken[name] = sum(1 for _ in frames)
                spent[name].append(time.process_time() - start)
    count = taken["fbn"]
    if count != taken["opencv"]:
        raise FbnError(f"{video}: fbn takes {count} frames and OpenCV {taken['opencv']}, which cannot be compared")
    ours, others = (np.array(seconds[1:]) for seconds in spent.values())
    return {
        "frames": count,
        "fbn_ms": 1000 * float(np.median(ours)) / count,
        "opencv_ms": 1000 * float(np.median(others)) / count,
        "ratio": float(np.median(ours / others)),
    }


def _opencv_frames(video: Path, every: int) -> Iterator[np.ndarray]:
    capture = cv2.VideoCapture(str(video))
    index = 0
    while capture.grab():
        if index % every == 0:
            yield cv2.cvtColor(capture.retrieve()[1], cv2.COLOR_BGR2RGB)
        index += 1
    capture.release()


def memory(model: str | None = None, seconds: tuple[int, int] = (60, 600), rate: int = 5) -> dict[str, Any]:
    """Measure the peak memory of ``fbn analyse`` on a short and a long synthetic video, each in a separate process.

    Args:
        model: name or folder of a model; the default one if None.
        seconds: lengths of the two videos.
        rate: frames per second of the videos, 320x240; low, so that the long one is read quickly.

    Raises:
        FbnError: a process failed.
    """
    peaks = {}
    with tempfile.TemporaryDirectory() as folder:
        for length in seconds:
            video = Path(folder) / f"{length}.mp4"
            _write_video(video, length * rate, rate)
            peaks[length] = _peak_memory(
                ["analyse", str(video), "-o", f"{video}.csv", *(["--model", model] if model else [])]
            )
    short, long = (peaks[length] / 2**20 for length in seconds)
    return {"seconds": list(seconds), "peak_mib": [short, long], "ratio": long / short}


def _write_video(path: Path, count: int, rate: int, size: tuple[int, int] = (320, 240)) -> None:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), rate, size)
    for frame in moving_face(count, size, rate):
        writer.write(frame.image[..., ::-1])
    writer.release()


def _peak_memory(arguments: list[str]) -> int:
    """Return the peak resident memory, in bytes, of ``fbn`` with these arguments."""
    # on Linux, getrusage includes the process it was forked from; /proc/self/status does not
    code = (
        "import os, resource, sys\n"
        "from fbn.cli import application\n"
        "if status := application(sys.argv[1:], standalone_mode=False):\n"
        "    sys.exit(status)\n"
        "peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "if os.path.exists('/proc/self/status'):\n"
        "    lines = dict(line.split(':', 1) for line in open('/proc/self/status'))\n"
        "    peak = 1024 * int(lines['VmHWM'].split()[0])\n"
        "print(peak)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        raise FbnError(f"fbn {' '.join(arguments)} failed: {done.stderr.strip()[-500:]}")
    return int(done.stdout.split()[-1])


def drawing(count: int = 300, sizes: tuple[int, ...] = (112, 320)) -> dict[str, Any]:
    """Measure the milliseconds per picture on one core, over random people, poses, light and cameras as in Aff-Wild2.

    Args:
        count: number of faces.
        sizes: sides of the pictures in pixels.

    Returns:
        Number of faces; then median and 95th percentile in milliseconds, and number per second, of sampling a face's
        labels, and of rendering its picture at each size.
    """
    world = World(RelatednessTable.named("du2014"), 0, DOMAINS["affwild2"])
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        times, faces = [], []
        for i in range(count):
            start = time.perf_counter()
            faces.append(world.draw(i).face)
            times.append(time.perf_counter() - start)
        results: dict[str, Any] = {"faces": count, "labels": _speed(times)}
        for size in sizes:
            for face in faces[:10]:
                render(face, size)  # warm up: grids and textures of this size are cached
            times = []
            for face in faces:
                start = time.perf_counter()
                render(face, size)
                times.append(time.perf_counter() - start)
            results[f"picture, {size} px"] = _speed(times)
        return results
    finally:
        cv2.setNumThreads(threads)


def _speed(seconds: list[float]) -> dict[str, float]:
    return _milliseconds(seconds) | {"per_second": float(1 / np.mean(seconds))}


def _milliseconds(seconds: np.ndarray | list[float]) -> dict[str, float]:
    return {"median_ms": 1000 * float(np.median(seconds)), "p95_ms": 1000 * float(np.percentile(seconds, 95))}


def _processor_seconds(call: Callable[[], object]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def _use_one_thread() -> None:
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
