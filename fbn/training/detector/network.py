"""The detector's network, its targets and its losses."""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fbn.faces.detection_network import CHANNELS, cell_centres
from fbn.training.detector.draw import SMALLEST, Drawn, roll_of

#: Range of face sizes (square root of the box's area) of each map; the ranges overlap.
_SIZES = ((0.0, 44.0), (28.0, 112.0), (72.0, 1e9))


class _Plain(nn.Sequential):
    """A 3x3 convolution."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__(
            nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU(inplace=True)
        )


class _Separable(nn.Module):
    """A depthwise separable 3x3 convolution, with a residual connection if the shapes agree."""

    def __init__(self, before: int, after: int, stride: int = 1) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.Conv2d(before, before, 3, stride, 1, groups=before, bias=False),
            nn.BatchNorm2d(before),
            nn.Conv2d(before, after, 1, bias=False),
            nn.BatchNorm2d(after),
        )
        self.adds = before == after and stride == 1

    def forward(self, x: Tensor) -> Tensor:
        y = self.convolutions(x)
        return torch.relu(y + x if self.adds else y)


def _head(width: int, depth: int) -> nn.Sequential:
    last = nn.Conv2d(width, CHANNELS, 1)
    bias = torch.zeros(CHANNELS)
    bias[0] = -4.0  # few cells show a face
    bias[1:5] = 0.7  # a box of four strides
    bias[15] = 1.0  # most heads are upright
    nn.init.normal_(last.weight, std=0.01)
    last.bias = nn.Parameter(bias)
    return nn.Sequential(*[_Separable(width, width) for _ in range(depth)], last)


class DetectorBody(nn.Module):
    """Maps [n, 3, H, W] in [-1, 1] to [n, CHANNELS, P] over all cells of strides 8, 16 and 32.

    H and W must be multiples of 32.
    """

    def __init__(self, widths: tuple[int, ...] = (16, 32, 64, 96, 128), depths: tuple[int, ...] = (1, 3, 3, 3)) -> None:
        super().__init__()
        self.stem = nn.Sequential(_Plain(3, widths[0], 2), _Plain(widths[0], widths[1], 2))
        self.stem.extend([_Separable(widths[1], widths[1]) for _ in range(depths[0])])
        self.stages = nn.ModuleList(
            nn.Sequential(_Separable(before, after, 2), *[_Separable(after, after) for _ in range(depth)])
            for before, after, depth in zip(widths[1:], widths[2:], depths[1:], strict=False)
        )
        width = widths[2]
        self.lateral = nn.ModuleList(nn.Conv2d(before, width, 1) for before in widths[2:])
        self.heads = nn.ModuleList(_head(width, depth) for depth in (1, 2, 2))

    def forward(self, images: Tensor) -> Tensor:
        x = self.stem(images)
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        above: Tensor | None = None
        answers = []
        for lateral, head, feature in zip(
            reversed(self.lateral), reversed(self.heads), reversed(features), strict=True
        ):
            merged = lateral(feature)
            if above is not None:
                merged = merged + F.interpolate(above, scale_factor=2.0, mode="nearest")
            above = merged
            answers.append(head(merged).flatten(2))
        return torch.cat(answers[::-1], 2)


def targets(drawn: Drawn) -> dict[str, np.ndarray]:
    """Return the targets of the P cells.

    Returns:
        face [P] bool; ignored [P] bool; box [P, 4] left, top, right, bottom edges; points [P, 5, 2] in pixels;
        shown [P, 5] whether the point is in the picture; roll [P, 2] cosine and sine.
    """
    side = drawn.image.shape[0]
    centres, strides = cell_centres(side, side)
    count = len(centres)
    face, ignored = np.zeros(count, bool), np.zeros(count, bool)
    box, points = np.zeros((count, 4), np.float32), np.zeros((count, 5, 2), np.float32)
    roll = np.zeros((count, 2), np.float32)
    for x, y, w, h in drawn.ignored:
        inside = (np.abs(centres - (x + w / 2, y + h / 2)) <= (w / 2, h / 2)).all(1)
        ignored |= inside
        if max(w, h) < SMALLEST:  # a cell is larger than such a face
            ignored |= (np.abs(centres - (x + w / 2, y + h / 2)) <= strides[:, None] * 0.5).all(1)
    rolls = roll_of(drawn.points)
    # smaller faces overwrite larger ones
    for index in np.argsort(-drawn.boxes[:, 2:].prod(1)):
        x, y, w, h = drawn.boxes[index]
        size = float(np.sqrt(w * h))
        middle = np.array([x + w / 2, y + h / 2], np.float32)
        near = np.clip(0.22 * size, 0.75 * strides, 1.5 * strides)
        wanted = (np.abs(centres - middle) <= near[:, None]).all(1)
        for stride, (low, high) in zip(np.unique(strides), _SIZES, strict=True):
            if not low <= size < high:
                wanted &= strides != stride
        face[wanted], ignored[wanted] = True, False
        box[wanted], points[wanted], roll[wanted] = (x, y, x + w, y + h), drawn.points[index], rolls[index]
    shown = ((points > 0) & (points < side)).all(2)
    return {"face": face, "ignored": ignored, "box": box, "points": points, "shown": shown, "roll": roll}


def losses(maps: Tensor, target: dict[str, Tensor], side: int) -> dict[str, Tensor]:
    """Compute the terms of the loss.

    Quality focal loss on the score, whose target is the box's IoU (Li et al. 2020); GIoU on the box (Rezatofighi et
    al. 2019); smooth L1 on landmarks relative to the face's size; squared error on the roll.

    Args:
        maps: [n, CHANNELS, P].
        target: stacked output of ``targets``.
        side: side of the pictures, in pixels.
    """
    places, strides = cell_centres(side, side)
    centre, stride = torch.from_numpy(places), torch.from_numpy(strides)
    face = target["face"]
    which, cell = face.nonzero(as_tuple=True)
    raw = maps.permute(0, 2, 1)[which, cell]
    middle, step = centre[cell], stride[cell][:, None]
    reach = raw[:, 1:5].clamp(max=6).exp() * step
    found = torch.cat([middle - reach[:, :2], middle + reach[:, 2:]], 1)
    wanted = target["box"][which, cell]
    overlap, general = _overlaps(found, wanted)
    quality = torch.zeros_like(maps[:, 0])
    quality[which, cell] = overlap.detach().clamp(min=0.1)
    logit = maps[:, 0]
    weight = (quality - logit.sigmoid()).abs().square() * ~target["ignored"]
    score = (weight * F.binary_cross_entropy_with_logits(logit, quality, reduction="none")).sum()
    count = max(1, len(which))
    size = ((wanted[:, 2:] - wanted[:, :2]).prod(1)).sqrt()[:, None, None]
    guess = raw[:, 5:15].reshape(-1, 5, 2) * step[:, None] + middle[:, None]
    apart = (guess - target["points"][which, cell]) / size
    distance = F.smooth_l1_loss(apart, torch.zeros_like(apart), beta=0.05, reduction="none").mean(2)
    shown = target["shown"][which, cell].float()
    return {
        "score": score / count,
        "box": 2 * (1 - general).sum() / count,
        "points": 5 * (distance * shown).sum() / shown.sum().clamp(min=1),
        "roll": 0.3 * (raw[:, 15:17] - target["roll"][which, cell]).square().sum() / count,
    }


def _overlaps(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Return IoU and generalised IoU of boxes [n, 4] pairwise."""
    both = (torch.minimum(a[:, 2:], b[:, 2:]) - torch.maximum(a[:, :2], b[:, :2])).clamp(min=0).prod(1)
    union = (a[:, 2:] - a[:, :2]).prod(1) + (b[:, 2:] - b[:, :2]).prod(1) - both
    hull = (torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])).prod(1)
    overlap = both / union.clamp(min=1e-6)
    return overlap, overlap - (hull - union) / hull.clamp(min=1e-6)
