"""Train the five-landmark network: ``python -m fbn.training.landmarks --data ROOT --yunet FILE -o FOLDER``.

YuNet is the teacher: it reads every picture once, resized to 160 px on the longer side and padded by repeating its
edge, and its five points are the labels. The student is trained on squares cut around those points at random shift,
scale and rotation. Squares beside the face, far too close or far too wide are negatives of the presence output, by
which tracking notices that a face is lost.
"""

import argparse
import hashlib
import json
import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import skimage.data
import torch
from rich.progress import track
from torch import Tensor, nn
from torch.nn import functional as F

from fbn.data.corpus import load_corpus
from fbn.data.pictures import read_picture
from fbn.faces.align import TEMPLATE
from fbn.faces.detect import YuNetDetector
from fbn.faces.geometry import Box
from fbn.faces.landmarks import INPUT_SIZE, LandmarkNetwork, box_of, cut_squares, to_input


class LandmarkBody(nn.Module):
    """Predicts five points and a presence logit from 64x64 RGB squares in [-1, 1].

    Points are relative to the square's centre, in units of its side.
    """

    def __init__(self, widths: tuple[int, ...] = (24, 40, 64, 96)) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 3
        for width in widths:
            layers += [
                nn.Conv2d(before, width, 3, 2, 1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(inplace=True),
                nn.Conv2d(width, width, 3, 1, 1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(inplace=True),
            ]
            before = width
        self.body = nn.Sequential(*layers, nn.Flatten())
        # no average pooling: the points depend on positions in the 4x4 map
        self.head = nn.Sequential(nn.Linear(before * 16, 128), nn.ReLU(inplace=True), nn.Linear(128, 11))

    def forward(self, squares: Tensor) -> tuple[Tensor, Tensor]:
        """Return points [n, 5, 2] and presence logits [n] of squares [n, 3, 64, 64]."""
        out = self.head(self.body(squares))
        mean = torch.as_tensor(TEMPLATE - 0.5, dtype=out.dtype, device=out.device)
        return out[:, :10].reshape(-1, 5, 2) + mean, out[:, 10]


def teacher_landmarks(image: np.ndarray, detector: YuNetDetector, side: int = 160) -> np.ndarray | None:
    """Return the teacher's [5, 2] points, in pixels, of the most central face; None where it detects none."""
    scale = side / max(image.shape[:2])
    interpolation = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
    resized = cv2.resize(image, None, fx=scale, fy=scale, interpolation=interpolation)
    border = side // 4
    padded = cv2.copyMakeBorder(resized, border, border, border, border, cv2.BORDER_REPLICATE)
    middle = np.array(padded.shape[1::-1]) / 2

    def rank(points: np.ndarray, score: float) -> float:
        return float(score - np.hypot(*(points.mean(0) - middle)) / side)

    detections = [(rank(d.landmarks, d.score), d.landmarks) for d in detector(padded) if d.landmarks is not None]
    if not detections:
        return None
    _, points = max(detections, key=lambda pair: pair[0])
    return ((points - border + 0.5) / scale - 0.5).astype(np.float32)


def _photometric(square: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    out: np.ndarray = square.astype(np.float32)
    if rng.random() < 0.4:
        out = np.repeat(out.mean(2, keepdims=True), 3, 2)
    elif rng.random() < 0.5:
        out *= rng.uniform(0.75, 1.25, 3).astype(np.float32)
    out = (out - 128) * rng.uniform(0.5, 1.4) + 128 + rng.uniform(-50, 50)
    if rng.random() < 0.3:
        out = cv2.GaussianBlur(out, (0, 0), rng.uniform(0.5, 2.0))
    if rng.random() < 0.4:
        out += rng.normal(0, rng.uniform(2, 16), out.shape).astype(np.float32)
    if rng.random() < 0.35:
        w, h = rng.integers(8, 30, 2)
        x, y = rng.integers(0, INPUT_SIZE - 8, 2)
        out[y : y + h, x : x + w] = rng.uniform(0, 255, 3)
    return np.clip(out, 0, 255).astype(np.uint8)


def draw_square(image: np.ndarray, points: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, int]:
    """Draw a training square: pixels, relative points [5, 2], and 1 if the face in it counts as present, else 0."""
    box = box_of(points)
    angle = math.radians(rng.normal(0, 14))
    kind = rng.random()
    if kind < 0.8:
        scale, shift, present = math.exp(rng.normal(0, 0.17)), rng.normal(0, 0.09, 2), 1
    elif kind < 0.9:  # beside the face
        scale, present = math.exp(rng.uniform(-0.7, 0.3)), 0
        direction = rng.uniform(0, 2 * math.pi)
        shift = rng.uniform(0.75, 1.6) * np.array([math.cos(direction), math.sin(direction)])
    else:  # a patch of the face, or a far too wide view
        scale, shift = math.exp(rng.choice([rng.uniform(-1.8, -0.95), rng.uniform(1.0, 1.6)])), rng.normal(0, 0.2, 2)
        present = 0
    side = box.w * scale
    centre = np.array([box.x + box.w / 2, box.y + box.h / 2]) + shift * box.w
    unit = INPUT_SIZE / side
    cos, sin = unit * math.cos(angle), unit * math.sin(angle)
    matrix = np.array([[cos, -sin, 0], [sin, cos, 0]])
    matrix[:, 2] = INPUT_SIZE / 2 - 0.5 - matrix[:, :2] @ (centre - 0.5)
    shrink = 1.0
    if unit < 0.5:
        shrink = 2 * unit
        image = cv2.resize(image, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    scaled = matrix.copy()
    scaled[:, :2] /= shrink
    scaled[:, 2] = matrix[:, 2] - scaled[:, :2] @ np.full(2, 0.5 * shrink - 0.5)
    square = cv2.warpAffine(image, scaled, (INPUT_SIZE, INPUT_SIZE), borderMode=cv2.BORDER_REPLICATE)
    relative = ((points @ matrix[:, :2].T + matrix[:, 2]) + 0.5) / INPUT_SIZE - 0.5
    if rng.random() < 0.5:
        square = square[:, ::-1]
        relative = (relative * [-1, 1])[[1, 0, 2, 4, 3]]
    return _photometric(np.ascontiguousarray(square), rng), relative.astype(np.float32), present


def backgrounds() -> list[np.ndarray]:
    """Return pictures without a human face, as negatives."""
    names = ("brick", "grass", "gravel", "coffee", "rocket", "coins", "page", "clock", "moon", "chelsea", "text")
    pictures = [np.asarray(getattr(skimage.data, name)()) for name in names]
    return [cv2.cvtColor(p, cv2.COLOR_GRAY2RGB) if p.ndim == 2 else p for p in pictures]


def draw_background(images: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """Draw a square of a picture without a face."""
    image = images[rng.integers(len(images))]
    side = rng.uniform(16, min(image.shape[:2]))
    x, y = rng.uniform(0, image.shape[1] - side), rng.uniform(0, image.shape[0] - side)
    return _photometric(cut_squares(image, [Box(x, y, side, side)])[0], rng)


def collect(root: Path, yunet: Path, max_per_set: int) -> list[tuple[np.ndarray, np.ndarray, str]]:
    """Return (picture, teacher's points, data set) of up to ``max_per_set`` training pictures of each data set."""
    detector = YuNetDetector(yunet)
    corpus = load_corpus(root)
    pairs = []
    for name in corpus.names:
        samples = [s for s in corpus.samples["train"] if s.dataset == name]
        samples.sort(key=lambda s: hashlib.sha256(s.path.encode()).digest())
        for sample in track(samples[:max_per_set], f"teacher reads {name}"):
            image = read_picture(sample)
            if (points := teacher_landmarks(image, detector)) is not None:
                pairs.append((image, points, name))
    return pairs


def train(pairs: list[tuple[np.ndarray, np.ndarray, str]], steps: int, seed: int = 0) -> LandmarkBody:
    """Fit the network on squares drawn from ``pairs``: L1 on present points, cross entropy on presence."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    net = LandmarkBody()
    optimiser = torch.optim.AdamW(net.parameters(), 2e-3, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=steps, pct_start=0.05)
    empty = backgrounds()
    batch = 128

    def draw() -> tuple[Tensor, Tensor, Tensor]:
        drawn = [draw_square(pairs[i][0], pairs[i][1], rng) for i in rng.integers(len(pairs), size=batch - 12)]
        squares = np.stack([d[0] for d in drawn] + [draw_background(empty, rng) for _ in range(12)])
        target = np.stack([d[1] for d in drawn] + [np.zeros((5, 2), np.float32)] * 12)
        present = torch.tensor([float(d[2]) for d in drawn] + [0.0] * 12)
        return torch.from_numpy(to_input(squares)), torch.from_numpy(target), present

    ahead = ThreadPoolExecutor(1)  # one thread draws the next batch, so that the random stream stays in order
    following = ahead.submit(draw)
    for _ in track(range(steps), "training"):
        squares, target, present = following.result()
        following = ahead.submit(draw)
        points, logit = net(squares)
        distance = (points - target).abs().mean((1, 2))
        loss = 10 * (distance * present).sum() / present.sum() + 0.3 * F.binary_cross_entropy_with_logits(
            logit, present
        )
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    ahead.shutdown()
    return net.eval()


def evaluate(network: LandmarkNetwork, pairs: list[tuple[np.ndarray, np.ndarray, str]]) -> dict[str, float]:
    """Return the median distance to the teacher's points in interocular distances, by data set.

    Boxes are shifted and scaled at random, as imprecise as a detector's.
    """
    rng = np.random.default_rng(1)
    errors: dict[str, list[float]] = {}
    for image, points, name in pairs:
        box = box_of(points)
        side = box.w * math.exp(rng.normal(0, 0.12))
        x, y = np.array([box.x, box.y]) + rng.normal(0, 0.07, 2) * box.w - (side - box.w) / 2
        guess, _ = network(image, [Box(x, y, side, side)], passes=2)
        errors.setdefault(name, []).append(
            float(np.hypot(*(guess[0] - points).T).mean() / np.hypot(*(points[0] - points[1])))
        )
    return {name: round(float(np.median(values)), 4) for name, values in errors.items()}


def average_in_crop(pairs: list[tuple[np.ndarray, np.ndarray, str]], name: str = "ferplus") -> np.ndarray:
    """Return the mean landmark positions [5, 2] as fractions of the picture's side, left-right symmetric."""
    mean = np.mean([(p + 0.5) / image.shape[0] for image, p, source in pairs if source == name], axis=0)
    mirrored = (mean * [-1, 1] + [1, 0])[[1, 0, 2, 4, 3]]
    return (mean + mirrored) / 2


def save(net: LandmarkBody, folder: Path, record: dict[str, object]) -> None:
    """Write ``landmarks.onnx`` and ``landmarks.json`` (its sha256 and ``record``)."""
    axes = {name: {0: "n"} for name in ("squares", "points", "presence_logit")}
    write_record(export(net, torch.zeros(2, 3, INPUT_SIZE, INPUT_SIZE), folder / "landmarks.onnx", axes), record)


def export(net: nn.Module, images: Tensor, path: Path, axes: dict[str, dict[int, str]]) -> Path:
    """Write a network as ONNX and return the path; ``axes``: its input, then its outputs -> names of free axes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    first, *others = axes
    torch.onnx.export(
        net, (images,), str(path), input_names=[first], output_names=others, dynamic_axes=axes, dynamo=False
    )
    return path


def write_record(path: Path, record: dict[str, object]) -> None:
    """Write the JSON file beside a network's file: its sha256 and ``record``."""
    record = {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), **record}
    path.with_suffix(".json").write_text(json.dumps(record, indent=2) + "\n")


def main() -> None:
    """Compute the teacher's points, train, save, and print the distance to the teacher on held-out pictures.

    Held-out pictures are drawn by picture, so the same person may be in both the training and the held-out set.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--yunet", type=Path, required=True)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--most", type=int, default=9000, help="pictures a set")
    options = parser.parse_args()
    pairs = collect(options.data, options.yunet, options.most)
    order = np.random.default_rng(0).permutation(len(pairs))
    held_out, training = [pairs[i] for i in order[:600]], [pairs[i] for i in order[600:]]
    net = train(training, options.steps)
    record = {"pictures": len(training), "steps": options.steps, "seed": 0, "teacher": "YuNet 2026may"}
    save(net, options.out, record)
    errors = evaluate(LandmarkNetwork(options.out), held_out)
    save(net, options.out, {**record, "median_error_interocular": errors})
    print("median distance to the teacher, in interocular distances:", errors)
    print("average places in a tight crop:", average_in_crop(training).round(3).tolist())


if __name__ == "__main__":
    main()
