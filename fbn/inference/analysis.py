"""``analyse``: convert pictures, videos and folders to a table with one row per face and frame."""

import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypedDict, Unpack, overload

from fbn.compound import CompoundClasses
from fbn.errors import FbnError
from fbn.faces import frames
from fbn.faces.detect import Detector
from fbn.faces.files import printable
from fbn.faces.frames import Frame, Inputs, find_inputs, frame_count
from fbn.faces.pictures import Notify
from fbn.inference.analyser import FaceAnalyser, Model
from fbn.inference.export import SUFFIXES, TableWriter, to_pandas
from fbn.inference.results import FrameResult

if TYPE_CHECKING:
    import pandas as pd

Columns = Literal["fbn", "openface", "fex"]
#: Called with the number of frames read, the estimated total, and the name of the current file.
OnProgress = Callable[[int, int, str], None]


class ArgumentError(ValueError):
    """An argument of ``analyse`` is invalid, or incompatible with another one.

    Args:
        argument: name of the argument.
        reason: the error message.
    """

    def __init__(self, argument: str, reason: str) -> None:
        super().__init__(f"{argument}: {reason}")
        self.argument, self.reason = argument, reason


def check_arguments(
    output: str | Path | None = None,
    columns: str = "fbn",
    smooth: bool = False,
    window: int = 5,
    compounds: object = None,
    every: int = 1,
) -> None:
    """Validate the arguments of ``analyse`` before anything is loaded.

    Raises:
        ArgumentError: an invalid argument, which it names.
    """
    if output is not None and Path(output).suffix.lower() not in SUFFIXES:
        raise ArgumentError("output", f"{output}: expected a name that ends in {' or '.join(SUFFIXES)}")
    if columns not in ("fbn", "openface", "fex"):
        raise ArgumentError("columns", f"{columns!r}: expected fbn, openface or fex")
    if smooth and columns != "fbn":
        raise ArgumentError("smooth", f"the {columns} layout has no smoothed columns")
    if window < 1 or window % 2 == 0:
        raise ArgumentError("window", f"{window} is {'even' if window > 0 else 'below 1'}")
    if compounds and columns != "fbn":
        raise ArgumentError("compounds", f"the {columns} layout has no columns for them")
    if every < 1:
        raise ArgumentError("every", f"{every} is below 1")


class Analysis:
    """Analyses pictures and videos frame by frame, with constant memory.

    ``fbn.analyse``, the command ``fbn analyse`` and the app are built on it. The constructor lists the files; one call
    of ``to_pandas``, ``write`` or ``results`` reads them.

    Args:
        inputs: paths of pictures, videos and folders; duplicate files are read once.
        analyser: analyses the frames.
        crops: pictures are face crops, one row each.
        every: read every n-th frame of a video.
        columns: see ``analyse``.
        on_error: called with the error of each unreadable input, after its readable frames.
        notify: called with warnings: skipped files, interpolated times, rotated pictures.

    Attributes:
        files: files to read, in order.
        left_out: skipped files of folders, which are neither pictures nor videos.
        failed: errors of the inputs so far.
        frames, faces, empty_frames: numbers so far; ``empty_frames`` are those without a face.
    """

    def __init__(
        self,
        inputs: Sequence[str | Path],
        analyser: FaceAnalyser,
        *,
        crops: bool = False,
        every: int = 1,
        columns: Columns = "fbn",
        on_error: Callable[[FbnError], None],
        notify: Notify = warnings.warn,
    ) -> None:
        self._analyser, self._crops, self._every = analyser, crops, every
        self._on_error, self._notify = on_error, notify
        self._layout = "fbn_smooth" if analyser.smooth and columns == "fbn" else columns
        self._classes = analyser.classes.classes if analyser.classes and columns == "fbn" else ()
        self._turned: dict[str, int] = {}
        self.failed: list[FbnError] = []
        self.frames = self.faces = self.empty_frames = 0
        files: dict[Path, None] = {}  # in order, each once
        left_out: dict[Path, None] = {}
        for path in inputs:
            try:
                found = find_inputs(path)
            except FbnError as error:
                self._fail(error)
                continue
            files.update(dict.fromkeys(found.files))
            left_out.update(dict.fromkeys(found.left_out))
            for unseen in found.errors:
                self._fail(unseen)
        self.files, self.left_out = tuple(files), tuple(left_out)
        if left_out:
            notify(Inputs((), self.left_out).describe_left_out())

    def to_pandas(
        self, progress: OnProgress | None = None, cancelled: Callable[[], bool] | None = None
    ) -> "pd.DataFrame":
        """Read the files into a table in memory, with the columns and types of a Parquet file of ``write``.

        Args:
            progress: called at the start of each file and after each frame; see ``OnProgress``.
            cancelled: called before each frame; if it returns True, the rows so far are returned.
        """
        try:
            return to_pandas(self.results(progress, cancelled), self._layout, self._classes)
        finally:
            self._notify_turned()

    def write(
        self,
        output: str | Path,
        progress: OnProgress | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> None:
        """Read the files into a table file, row by row.

        An interruption (``KeyboardInterrupt``, ``SystemExit``) keeps the rows written so far and is raised again.
        Without any frame no file is written, and an existing one is not replaced.

        Args:
            output: name of a ``.csv`` or ``.parquet`` file.
            progress: see ``to_pandas``.
            cancelled: see ``to_pandas``.

        Raises:
            ArgumentError: ``output`` is one of the inputs.
            FbnError: ``output`` cannot be written, or another process is writing it.
        """
        # os.path returns False for a path in an inaccessible folder, where pathlib raises
        if os.path.exists(output) and any(os.path.exists(f) and os.path.samefile(f, output) for f in self.files):
            raise ArgumentError("output", f"{output} is one of the inputs")
        with TableWriter(output, self._layout, self._classes) as table:
            try:
                for result in self.results(progress, cancelled):
                    table.write(result)
            finally:
                table.close(keep=table.frames > 0)
                self._notify_turned()

    def results(
        self,
        progress: OnProgress | None = None,
        cancelled: Callable[[], bool] | None = None,
        on_frame: Callable[[Frame], None] = lambda frame: None,
    ) -> Iterator[FrameResult]:
        """Read the files frame by frame.

        Args:
            progress: see ``to_pandas``.
            cancelled: see ``to_pandas``.
            on_frame: called with each frame before its analysis; an analyser that smooths yields the result later.

        Yields:
            One result per frame, in order.
        """
        total = sum(-(-frame_count(path) // self._every) for path in self.files) if progress else 0
        name = ""

        def report() -> None:
            if progress:
                progress(self.frames, total, name)

        def read() -> Iterator[Frame]:
            nonlocal name
            for path in self.files:
                name = printable(path.name)
                report()
                for frame in frames.open_source(path, self._every, self._fail, self._notify):
                    if cancelled and cancelled():
                        return
                    on_frame(frame)
                    yield frame

        report()
        analyser = self._analyser
        for result in analyser.crop_stream(read()) if self._crops else analyser.stream(read()):
            yield result
            # counted after the row is written: an interruption before that loses the row
            self.frames += 1
            self.faces += len(result.faces)
            self.empty_frames += not result.faces
            self._turned.update((result.input, face.turned) for face in result.faces if face.turned)
            report()

    def _fail(self, error: FbnError) -> None:
        self.failed.append(error)
        self._on_error(error)

    def _notify_turned(self) -> None:
        for name, degrees in self._turned.items():
            self._notify(f"{printable(name)}: turned by {degrees} degrees counterclockwise to read its faces upright")


class _Options(TypedDict, total=False):
    """Keyword arguments of both overloads of ``analyse``, for type checkers."""

    crops: bool
    model: Model | None
    detector: str | Detector
    smooth: bool
    window: int
    columns: Columns
    every: int
    compounds: str | CompoundClasses | None
    on_error: Callable[[FbnError], None] | None
    notify: Notify
    progress: OnProgress | None
    cancelled: Callable[[], bool] | None


@overload
def analyse(
    inputs: str | Path | Sequence[str | Path], output: None = None, **options: Unpack[_Options]
) -> "pd.DataFrame": ...
@overload
def analyse(inputs: str | Path | Sequence[str | Path], output: str | Path, **options: Unpack[_Options]) -> Path: ...
def analyse(
    inputs: str | Path | Sequence[str | Path],
    output: str | Path | None = None,
    *,
    crops: bool = False,
    model: Model | None = None,
    detector: str | Detector = "auto",
    smooth: bool = False,
    window: int = 5,
    columns: Columns = "fbn",
    every: int = 1,
    compounds: str | CompoundClasses | None = None,
    on_error: Callable[[FbnError], None] | None = None,
    notify: Notify = warnings.warn,
    progress: OnProgress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> "pd.DataFrame | Path":
    """Analyse the faces of pictures and videos: a table with one row per face and frame.

    A frame without a face gives one row with empty face columns. In a folder all pictures and videos are read, whatever
    their suffix. The rows are those of the command ``fbn analyse``.

    Args:
        inputs: a picture, a video, a folder of them, or a list of those.
        output: name of a ``.csv`` or ``.parquet`` file to write, row by row, with constant memory; None: return the
            table instead.
        crops: pictures are face crops: one row each, without face detection.
        model: name or folder of a model, or a network; None: the default model.
        detector: ``"auto"``, ``"fbn"``, ``"yunet"``, ``"cascade"``, or any ``Detector``.
        smooth: append median-filtered columns, ``<name>_smooth``.
        window: length of the median filter in frames, odd.
        columns: ``"fbn"``, or those of other tools: ``"openface"``, ``"fex"`` (py-feat).
        every: read every n-th frame of a video.
        compounds: append compound expressions, scored zero-shot: ``"rafdb"``, ``"emotionet"``, ``"du2014"``, the name
            or file of a relatedness table with compound rows, or the classes. None: those that the model was trained
            for, if any.
        on_error: called with the error of each unreadable input; the others are read. None: a warning.
        notify: called with warnings: skipped files of a folder, interpolated times.
        progress: called with the number of frames read, the estimated total, and the name of the current file.
        cancelled: called before each frame; if it returns True, the analysis ends and the rows so far are kept.

    Returns:
        The table, one row per face and frame, or the path of the written file.

    Raises:
        ArgumentError: an invalid argument (a ``ValueError``).
        FbnError: no frame could be read (the error of the first input), the model is missing, or ``output`` cannot be
            written.

    Example:
        >>> import fbn, tempfile
        >>> from pathlib import Path
        >>> from PIL import Image
        >>> from skimage.data import astronaut
        >>> folder = Path(tempfile.mkdtemp())
        >>> Image.fromarray(astronaut()).save(folder / "astronaut.png")
        >>> table = fbn.analyse(folder, detector="cascade")
        >>> table[["face_id", "expression"]]
           face_id expression
        0        0  happiness
        >>> fbn.analyse(folder, folder / "faces.csv", detector="cascade").name
        'faces.csv'
    """
    check_arguments(output, columns, smooth, window, compounds, every)
    analyser = FaceAnalyser(
        model, detector=detector, smooth="median" if smooth else None, window=window, compounds=compounds
    )
    paths = [inputs] if isinstance(inputs, str | Path) else inputs
    run = Analysis(
        paths,
        analyser,
        crops=crops,
        every=every,
        columns=columns,
        on_error=on_error or (lambda error: warnings.warn(f"skipped {error}", stacklevel=2)),
        notify=notify,
    )
    result: pd.DataFrame | Path
    if output is None:
        result = run.to_pandas(progress, cancelled)
    else:
        result = Path(output)
        if run.files:
            run.write(output, progress, cancelled)
    if run.failed and not run.frames:
        raise run.failed[0]
    return result
