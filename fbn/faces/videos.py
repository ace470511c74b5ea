"""Video files as RGB frames with presentation times, through FFmpeg's decoders (PyAV)."""

import errno
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any, BinaryIO

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from PIL import Image

from fbn.errors import FormatError
from fbn.faces.pictures import MAX_PIXELS, Notify, on_gray

#: Names of videos that are read, whatever else is found to be one by what it holds.
VIDEO_SUFFIXES = frozenset(
    {
        *(".mp4", ".mov", ".m4v", ".qt", ".3gp", ".3g2", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".mpe", ".vob"),
        *(".mts", ".m2ts", ".wmv", ".asf", ".flv", ".f4v", ".ogv", ".mjpeg", ".mjpg", ".mxf"),
    }
)
#: JPEGs one after another: the first of them alone cannot be told from a picture.
MOTION_JPEG_SUFFIXES = frozenset({".mjpeg", ".mjpg"})
#: FFmpeg's names of what is a video. Playlists are not among them: they make it open other files and addresses.
_CONTAINERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,asf,flv,ogg,mpeg,mpegts,mpegvideo,m4v,h263,h264,hevc,obu,ivf,mjpeg,mxf,"
    "nut,dv,rm,wtv,yuv4mpegpipe"
)
#: Containers that state their length; others estimate it from what is there.
_STATE_LENGTH = frozenset({"mov", "matroska", "avi", "asf", "flv"})
#: AVFMT_NOTIMESTAMPS of FFmpeg: bare streams of pictures.
_WITHOUT_TIMES = 0x80
#: Seconds that a stated length may exceed what came; frames that a decoder may hold back to put them in order.
_SLACK, _REORDERED = 0.5, 16
_RATE = 25.0


@contextmanager
def open_video(file: BinaryIO, name: str, motion_jpeg: bool = False, look: int = 0) -> Iterator[InputContainer]:
    """An opened container with at least one video stream that can be decoded.

    Args:
        file: at its start.
        name: what errors call it.
        motion_jpeg: it is a bare stream of JPEGs.
        look: recognise the format from so many bytes; 0: as many as FFmpeg wants.

    Raises:
        FormatError: not a video, sound only, or frames of more than ``MAX_PIXELS``.
    """
    options = {"format_whitelist": _CONTAINERS, **({"format_probesize": str(look)} if look else {})}
    try:
        # titles and comments in another code than UTF-8 are common
        container = av.open(
            file,
            "r",
            format="mjpeg" if motion_jpeg else None,
            container_options=options,
            metadata_errors="replace",
        )
    except (av.FFmpegError, OSError) as error:
        if _is_system(error):
            raise
        empty = file.seek(0, 2) == 0
        what = "the file is empty" if empty else "not a video that can be read (of an unknown format, or cut short)"
        raise FormatError(f"{name}: {what}") from error
    with container:
        stream = _stream(container)
        if stream is None:
            raise FormatError(f"{name}: holds no video{', only sound' if container.streams.audio else ''}")
        if stream.codec_context is None:
            raise FormatError(f"{name}: its video is of a kind that cannot be decoded")
        _check_size(stream.codec_context.width, stream.codec_context.height, name)
        yield container


def is_video(file: BinaryIO) -> bool:
    """Whether a file is a video that can be decoded, by what it holds. Leaves the position at the start."""
    try:
        with open_video(file, "", look=2**16):
            return True
    except FormatError:
        return False
    finally:
        file.seek(0)


def count_frames(container: InputContainer) -> int:
    """About how many frames there are, from what the container states; at least 1."""
    stream = _stream(container)
    if stream is None:
        return 1
    if stream.duration is not None and stream.time_base is not None:
        seconds = float(stream.duration * stream.time_base)
    else:
        seconds = (container.duration or 0) / av.time_base
    return max(1, round(seconds * float(stream.average_rate or _rate(stream))) or stream.frames)


def video_frames(
    container: InputContainer, name: str, every: int, notify: Notify
) -> Iterator[tuple[int, float, np.ndarray]]:
    """Number, seconds since the first and pixels of each n-th frame, as a player shows them.

    What lies before the start of a trimmed file is not shown, and a stated rotation is applied. Frames of which parts
    are lost are left out; those after them are read.

    Raises:
        FormatError: at the end, where frames could not be decoded or the file breaks off before its stated length.
    """
    stream = _stream(container)
    assert stream is not None  # open_video has looked
    stream.thread_type = "AUTO"
    clock = _Clock(stream, presented=container.format.name != "avi")
    came = _Came()
    convert = VideoReformatter()
    index = spoilt = 0
    rotation, matrix = None, None
    for frame in _decoded(container, stream, clock, came):
        seconds = clock.seconds(frame)
        _check_size(frame.width, frame.height, name)
        if frame.is_corrupt:
            came.lose(seconds)
            spoilt += 1
        elif index % every == 0:
            if frame.rotation != rotation:
                rotation, matrix = frame.rotation, _display_matrix(frame)
            yield index, seconds, _upright(_pixels(frame, convert, name), matrix)
        index += 1
    if container.format.flags & _WITHOUT_TIMES:
        notify(f"{name}: states no times; they are counted at {_rate(stream):g} frames a second")
    elif clock.filled:
        what = "no time, or an earlier one than the frame before"
        notify(f"{name}: {clock.filled} of {index} frames have {what}; times are counted on from there")
    if index == 0:
        raise FormatError(f"{name}: damaged video, none of its frames could be decoded")
    faults = []
    if came.lost:
        faults.append(f"{came.lost} of its frames could not be decoded, the first at about {came.first_lost:.2f} s")
    if missing := _missing(container, stream, came):
        faults.append(f"it breaks off {missing:.1f} s before its end")
    if faults:
        raise FormatError(f"{name}: damaged video, {' and '.join(faults)}; {index - spoilt} frames were read")


def _is_system(error: Exception) -> bool:
    """Whether an error is the operating system's. FFmpeg seeks before the start of some broken files: EINVAL."""
    return isinstance(error, OSError) and not isinstance(error, av.FFmpegError) and error.errno != errno.EINVAL


def _stream(container: InputContainer) -> VideoStream | None:
    # a cover picture of a piece of music is no video
    best = container.streams.best("video")
    return best if isinstance(best, VideoStream) and not best.disposition & Disposition.attached_pic else None


def _kind(container: InputContainer) -> str:
    return container.format.name.split(",")[0]


def _check_size(width: int, height: int, name: str) -> None:
    if width * height > MAX_PIXELS:
        raise FormatError(f"{name}: {width}x{height} pixels, expected at most {MAX_PIXELS // 10**6} megapixels a frame")


def _rate(stream: VideoStream) -> float:
    return float(stream.guessed_rate or stream.average_rate or _RATE)


@dataclass
class _Came:
    """What of a file came: seconds reached by its video and by any stream, and frames lost."""

    video: float = 0.0
    any: float = 0.0
    lost: int = 0
    first_lost: float | None = None

    def reach(self, packet: Packet, is_video: bool) -> None:
        start = packet.dts if packet.pts is None else packet.pts
        if start is not None and packet.time_base is not None:
            end = float((start + (packet.duration or 0)) * packet.time_base)
            self.any = max(self.any, end)
            self.video = max(self.video, end) if is_video else self.video

    def lose(self, seconds: float) -> None:
        self.first_lost = seconds if self.first_lost is None else self.first_lost
        self.lost += 1


def _decoded(container: InputContainer, stream: VideoStream, clock: "_Clock", came: _Came) -> Iterator[VideoFrame]:
    packets = container.demux()
    whole = _kind(container) in _STATE_LENGTH
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except (av.FFmpegError, OSError) as error:
            if _is_system(error):
                raise
            came.lose(clock.last)
            with suppress(av.FFmpegError):
                yield from stream.decode(None)
            return
        if packet.size:
            came.reach(packet, packet.stream is stream)
        if packet.stream is not stream:
            continue
        clock.expect(packet)
        frames = None
        # of a file that is cut the last part may decode to a frame that is half gray
        if not (packet.is_corrupt and whole):
            with suppress(av.FFmpegError):
                frames = stream.decode(packet)
        if frames is not None:
            yield from frames
            continue
        clock.forget(packet)
        if clock.started:  # a recording that begins between two key frames has nothing to show until the next
            came.lose(clock.last)


def _missing(container: InputContainer, stream: VideoStream, came: _Came) -> float:
    """Seconds that the container states and that did not come; 0 where it is whole."""
    kind = _kind(container)
    if kind not in _STATE_LENGTH:
        return 0.0
    stated, reached = (container.duration or 0) / av.time_base, came.any
    if kind == "avi" and stream.average_rate:  # FFmpeg shortens the length of a cut one
        stated, reached = float(stream.frames / stream.average_rate), came.video
    elif stream.duration is not None and stream.time_base is not None:
        stated, reached = float(stream.duration * stream.time_base), came.video
    missing = stated - reached
    return missing if missing > max(_SLACK, 2 / _rate(stream)) else 0.0


class _Clock:
    """Seconds since the first frame, never falling.

    Args:
        stream: whose frames.
        presented: frames carry the times at which they are shown. AVI stores the order of decoding, from which FFmpeg
            guesses: there the times of the packets are dealt out in order.
    """

    def __init__(self, stream: VideoStream, presented: bool) -> None:
        self._base, self._step = float(stream.time_base or 0), 1 / _rate(stream)
        self._presented = presented
        self._waiting: list[int] = []
        self._zero: float | None = None
        self.started = False
        self.last = 0.0
        self.filled = 0

    def expect(self, packet: Packet) -> None:
        """A packet goes into the decoder."""
        ticks = packet.dts if packet.pts is None else packet.pts
        if not self._presented and packet.size and ticks is not None:
            heappush(self._waiting, ticks)

    def forget(self, packet: Packet) -> None:
        """A packet gives no frame."""
        ticks = packet.dts if packet.pts is None else packet.pts
        if ticks in self._waiting:
            self._waiting.remove(ticks)
            self._waiting.sort()

    def seconds(self, frame: VideoFrame) -> float:
        """When a frame is shown; each frame is asked for once, in order."""
        ticks = frame.pts if self._presented else self._next(frame.pts)
        now = None if ticks is None else ticks * self._base
        if now is not None and self._zero is None:
            self._zero = now - (self.last + self._step if self.started else 0.0)
        if now is None or self._zero is None:
            self.filled += 1
            self.last += self._step if self.started else 0.0
        else:
            seconds = now - self._zero
            if seconds < self.last:
                self.filled += 1
                if self.last - seconds > 1:  # counted anew, as where two recordings were joined
                    seconds = self.last + self._step
                    self._zero = now - seconds
            self.last = max(self.last, seconds)
        self.started = True
        return self.last

    def _next(self, guess: int | None) -> int | None:
        # a packet may give no frame: its time would push all later ones back
        while guess is not None and len(self._waiting) > 1 and self._waiting[0] < guess - _REORDERED:
            heappop(self._waiting)
        return heappop(self._waiting) if self._waiting else guess


def _pixels(frame: VideoFrame, convert: VideoReformatter, name: str) -> np.ndarray:
    try:
        if any(part.is_alpha for part in frame.format.components):
            return np.asarray(on_gray(Image.fromarray(convert.reformat(frame, format="rgba").to_ndarray())))
        return convert.reformat(frame, format="rgb24").to_ndarray()
    except av.FFmpegError as error:
        raise FormatError(f"{name}: pixels of the kind {frame.format.name} cannot be converted to RGB") from error


def _display_matrix(frame: VideoFrame) -> list[int] | None:
    """The first five entries of the 3x3 matrix that says how a frame is to be shown; None where there is none.

    Not to be asked of every frame: its side data and the frame hold one another, so that only Python's collector frees
    the two.
    """
    found: Mapping[str, Any] = frame.side_data
    if "DISPLAYMATRIX" not in found:
        return None
    return np.frombuffer(bytes(found["DISPLAYMATRIX"]), np.int32)[:5].tolist()


def _upright(image: np.ndarray, matrix: list[int] | None) -> np.ndarray:
    """Turn and mirror an image as a display matrix says, in quarters of a turn."""
    if matrix is None:
        return image
    # x' = a x + c y, y' = b x + d y
    a, b, _, c, d = matrix
    if abs(a) + abs(d) < abs(b) + abs(c):
        image, a, d = image.swapaxes(0, 1), c, b
    return np.ascontiguousarray(image[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1])
