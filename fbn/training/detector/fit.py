"""Train the face detector: ``python -m fbn.training.detector.fit --data ROOT --yunet FILE -o FOLDER``.

The run folder holds ``checkpoints/last.ckpt``, from which the same command resumes, and ``logs/``. With ``--export``
the averaged weights of the last checkpoint are written as ``detector.onnx`` and ``detector.json`` instead.
"""

import argparse
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import lightning as L
import numpy as np
import onnx
import torch
from lightning.pytorch.callbacks import Callback, ModelCheckpoint, WeightAveraging
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from fbn.data.loading import EpochSampler
from fbn.errors import MissingFileError
from fbn.faces.detection_network import find_faces
from fbn.faces.geometry import Detection
from fbn.training.allocator import with_allocator
from fbn.training.detector.draw import SIDE, Artist, Drawn, develop, mirrored
from fbn.training.detector.labels import labelled
from fbn.training.detector.measure import score
from fbn.training.detector.network import DetectorBody, losses, targets
from fbn.training.detector.pictures import LabelledPictures
from fbn.training.landmarks import export, write_record
from fbn.training.multitask import averager
from fbn.training.provenance import revision
from fbn.training.run import quiet

#: Pictures per batch, and steps per epoch.
BATCH, PER_EPOCH = 16, 250
#: Peak learning rate, weight decay, and number of warm-up steps.
_RATE, _DECAY, _WARM_UP = 2e-3, 0.03, 400
#: Number of ExpW pictures for validation, and epochs between validations.
_VALID, _EVERY = 250, 4
_LAST = "checkpoints/last.ckpt"


class Batches(Dataset[tuple[Tensor, dict[str, Tensor]]]):
    """Batch i, a pure function of the seed and i; odd batches have the mirrored pictures of the one before."""

    def __init__(self, artist: Artist, seed: int) -> None:
        self._artist, self._seed = artist, seed
        self._last: tuple[int, list[Drawn]] = (-1, [])

    def __getitem__(self, number: int) -> tuple[Tensor, dict[str, Tensor]]:
        pair = number // 2
        if self._last[0] != pair:
            rng = np.random.default_rng([self._seed, 0, pair])
            self._last = pair, [self._artist(rng) for _ in range(BATCH)]
        drawn = self._last[1] if number % 2 == 0 else [mirrored(one) for one in self._last[1]]
        rng = np.random.default_rng([self._seed, 1, number])
        wanted = [targets(one) for one in drawn]
        images = torch.from_numpy(np.stack([develop(one.image, rng) for one in drawn]))
        return images, {key: torch.from_numpy(np.stack([one[key] for one in wanted])) for key in wanted[0]}


class DetectorTraining(L.LightningModule):
    """Trains the network.

    Args:
        labels: pictures, of which the validation split is used.
        steps: training steps of the run.
    """

    def __init__(self, labels: LabelledPictures, steps: int) -> None:
        super().__init__()
        self.network = DetectorBody().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._labels, self._steps = labels, steps

    def training_step(self, batch: tuple[Tensor, dict[str, Tensor]], _: int) -> Tensor:
        """Compute the loss of one batch."""
        images, target = batch
        # permuted NHWC bytes have the memory format channels_last
        maps = self.network(images.permute(0, 3, 1, 2).float().div(127.5).sub(1))
        terms = losses(maps, target, images.shape[1])
        self.log_dict({f"loss_{name}": value for name, value in terms.items()}, prog_bar=True)
        return torch.stack(list(terms.values())).sum()

    def validation_step(self, _: Tensor, __: int) -> None:
        """Log recall on ExpW's validation split and false positives, at several thresholds."""
        scores = score(self.find, self._labels, "valid", 320, _VALID, 100)
        figures: dict[str, float] = {}
        for threshold in (0.3, 0.4, 0.5):
            figures[f"recall_{threshold}"] = scores.recall(threshold)
            figures |= {f"false_{kind}_{threshold}": value for kind, value in scores.false_alarms(threshold).items()}
        self.log_dict(figures, batch_size=1)

    def find(self, image: np.ndarray, threshold: float = 0.2) -> list[Detection]:
        """Detect faces in one picture; see ``DetectionNetwork``."""

        def maps(images: np.ndarray) -> np.ndarray:
            return self.network(torch.from_numpy(images).contiguous(memory_format=torch.channels_last)).numpy()

        with torch.inference_mode():
            return find_faces(image, maps, threshold)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Return AdamW with a short warm-up, then a half cosine."""
        weights = [each for each in self.network.parameters() if each.ndim >= 2]
        others = [each for each in self.network.parameters() if each.ndim < 2]
        groups = [{"params": weights, "weight_decay": _DECAY}, {"params": others, "weight_decay": 0.0}]
        optimiser = torch.optim.AdamW(groups, _RATE)

        def rate(step: int) -> float:
            progress = min(1.0, step / self._steps)
            return min(1.0, (step + 1) / _WARM_UP) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress)))

        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, rate)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


class _Line(Callback):
    """Prints a line after each epoch."""

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Print all metrics."""
        figures = "  ".join(f"{name} {float(value):.4f}" for name, value in trainer.callback_metrics.items())
        print(
            f"{datetime.now(UTC):%H:%M:%S} epoch {trainer.current_epoch + 1}/{trainer.max_epochs}  {figures}",
            flush=True,
        )


def fit(labels: LabelledPictures, out: Path, steps: int, seed: int = 0, threads: int = 1) -> None:
    """Train, or resume from a checkpoint in ``out``, with ``threads`` threads and one worker that draws batches."""
    quiet()
    torch.set_num_threads(threads)
    L.seed_everything(seed, verbose=False)
    module = DetectorTraining(labels, steps)
    loader = DataLoader(
        Batches(Artist(labels), seed),
        batch_size=None,
        sampler=EpochSampler(PER_EPOCH, lambda: trainer.global_step),
        num_workers=1,
        multiprocessing_context="fork",
        prefetch_factor=3,
        persistent_workers=True,
        worker_init_fn=_start_worker,
    )
    part = str(len(list(out.glob("logs/*/metrics.csv"))))
    trainer = L.Trainer(
        accelerator="cpu",
        max_epochs=steps // PER_EPOCH,
        gradient_clip_val=10.0,
        num_sanity_val_steps=0,
        check_val_every_n_epoch=_EVERY,
        use_distributed_sampler=False,
        log_every_n_steps=50,
        enable_model_summary=False,
        enable_progress_bar=False,
        default_root_dir=out,
        logger=CSVLogger(out, name="logs", version=part),
        callbacks=[
            WeightAveraging(**averager(0.9995)),
            ModelCheckpoint(out / "checkpoints", "last", enable_version_counter=False, save_on_train_epoch_end=True),
            _Line(),
        ],
    )
    last = out / _LAST
    once: DataLoader[Any] = DataLoader([0], batch_size=None)  # type: ignore[arg-type]
    trainer.fit(module, loader, once, ckpt_path=last if last.exists() else None, weights_only=True)


def _start_worker(_: int) -> None:
    cv2.setNumThreads(0)
    torch.set_num_threads(1)


def averaged(checkpoint: Path) -> tuple[DetectorBody, int]:
    """Load the network with a checkpoint's averaged weights, and its number of steps.

    Raises:
        MissingFileError: the checkpoint does not exist.
    """
    if not checkpoint.is_file():
        raise MissingFileError(f"{checkpoint}: expected a checkpoint that this command made")
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    prefix = "network."
    body = DetectorBody()
    body.load_state_dict({key[len(prefix) :]: value for key, value in state["state_dict"].items()})
    return body.eval(), int(state["global_step"])


def save(body: DetectorBody, folder: Path, threshold: float, record: dict[str, Any]) -> None:
    """Write ``detector.onnx``, its weights in half precision, and ``detector.json``.

    onnxruntime converts the weights to single precision on loading: the file is half as large, and the outputs differ
    by less than 0.01.
    """
    axes = {"images": {0: "n", 2: "height", 3: "width"}, "maps": {0: "n", 2: "cells"}}
    path = export(body, torch.zeros(1, 3, SIDE, SIDE), folder / "detector.onnx", axes)
    onnx.save(_halved(onnx.load(path)), path)
    write_record(path, {"threshold": threshold, **record})


def _halved(model: onnx.ModelProto) -> onnx.ModelProto:
    """Store large weights in half precision, each followed by a cast."""
    casts = []
    for weights in model.graph.initializer:
        values = numpy_helper.to_array(weights)
        if values.dtype != np.float32 or values.size < 256:
            continue
        name = weights.name
        weights.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model)
    return model


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, or export a trained network."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of the data sets (to train)")
    parser.add_argument("--yunet", type=Path, help="the teacher's file (to train)")
    parser.add_argument("-o", "--out", type=Path, required=True, help="run folder")
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--export", type=Path, help="write the last checkpoint's weights to this folder instead")
    parser.add_argument(
        "--threshold", type=float, default=0.4, help="least score of a face, written beside the weights"
    )
    options = parser.parse_args(arguments)
    if options.export:
        body, steps = averaged(options.out / _LAST)
        record = {"steps": steps, "batch": BATCH, "teacher": "YuNet 2026may", "code": revision()}
        save(body, options.export, options.threshold, record)
        return
    if not (options.data and options.yunet):
        parser.error("--data and --yunet are needed to train")
    with_allocator()
    fit(labelled(options.data, options.yunet), options.out, options.steps, options.seed, options.threads)


if __name__ == "__main__":
    main()
