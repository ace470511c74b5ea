"""Extension points: a data set, a loss, a body, a head and a table each take one file and one line."""

import json
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from fbn.data import sources
from fbn.data.corpus import load_corpus
from fbn.data.sources.layout import SourceReading
from fbn.errors import FormatError
from fbn.losses import TERMS, Objective, Term, cross_entropy
from fbn.models import store
from fbn.models.bodies import Body
from fbn.models.bodies.residual import Residual
from fbn.models.heads import Head
from fbn.models.heads.linear import Linear
from fbn.models.network import FaceNetwork
from fbn.models.zoo import ZOO
from fbn.records import Annotations, Label, Predictions, Sample
from fbn.relatedness import RelatednessTable, Versions, resolve
from fbn.tasks import ACTION_UNITS, EXPRESSION, VALENCE_AROUSAL, Task
from fbn.training import recipe as recipes

TINY = partial(Residual, (16, 16), (1, 1))
IMAGES = torch.rand(2, 3, 112, 112, generator=torch.Generator().manual_seed(0)) * 2 - 1
GAZE = Task("gaze", "continuous", ("yaw", "pitch"))
EIGHT = EXPRESSION.plus("other")


class Flat(Body):
    """A body: the mean colour of 16 patches."""

    def __init__(self) -> None:
        super().__init__(48)
        self.stages = nn.AdaptiveAvgPool2d(4)
        self.scale = nn.Parameter(torch.ones(48))

    def forward(self, images: Tensor) -> Tensor:
        """[B, 3, H, W] -> [B, 48]."""
        return self.stages(images).flatten(1) * self.scale


class Attending(Head):
    """A head that reads another's outputs: expressions weighed by what the action units suggest."""

    tasks = (EIGHT,)

    def __init__(self, features: int) -> None:
        super().__init__()
        self.own, self.units = nn.Linear(features, 8), nn.Linear(len(ACTION_UNITS), 8)

    def forward(self, features: Tensor, predictions: Predictions) -> Predictions:
        """[B, F] -> [B, 8] logits."""
        raw = self.own(features)
        return Predictions({EIGHT: raw * self.units(predictions.probability(ACTION_UNITS)).softmax(-1)})


def _network(body: type[Body] | partial, *heads: object) -> FaceNetwork:
    return FaceNetwork(body(), *heads)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "make",
    [
        partial(_network, Flat, partial(Linear, tasks=[ACTION_UNITS])),
        partial(_network, TINY, partial(Linear, tasks=[ACTION_UNITS.only("AU12", "AU25"), GAZE])),
        partial(_network, TINY, partial(Linear, tasks=[VALENCE_AROUSAL, ACTION_UNITS]), Attending),
    ],
    ids=["a body", "a task", "a head"],
)
def test_a_network_is_trained_saved_and_read_back(
    make: partial, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ZOO, "mine", make)
    torch.manual_seed(0)
    network = store.build("mine", {})
    said = network(IMAGES)
    assert tuple(said) == network.tasks
    assert network(IMAGES[None])[network.tasks[0]].shape[:2] == (1, 2)
    torch.stack([output.square().sum() for _, output in said.items()]).sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())
    network.eval()
    store.save(tmp_path / "mine", network, name="mine", zoo="mine")
    assert store.manifest(tmp_path / "mine").tasks == network.tasks
    with torch.no_grad():
        expected, (again, twin) = network(IMAGES), (store.load(tmp_path / "mine", r)(IMAGES) for r in ("torch", "onnx"))
    for task in network.tasks:
        assert torch.equal(again[task], expected[task])
        torch.testing.assert_close(twin[task], expected[task], atol=1e-5, rtol=1e-4)
    monkeypatch.undo()
    assert "mine" not in ZOO


def test_a_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    class Focal(Term):
        """A loss with an option."""

        power: float = 2.0

        def loss(self, predictions, annotations, table, teacher=None) -> Tensor:
            sure, label = predictions.probability(EXPRESSION).amax(-1), annotations[EXPRESSION]
            weighed = Label(label.value, label.weight * (1 - sure) ** self.power)
            return cross_entropy(predictions, annotations | {EXPRESSION: weighed})

    monkeypatch.setitem(TERMS, "focal", Focal)
    recipe = recipes.parse({"objective": {"focal": {"weight": 2.0, "power": 3}}}, "mine")
    assert recipes.parse(recipe.model_dump(mode="json"), "mine") == recipe
    faces = Annotations.stack([Annotations.of("fear"), Annotations.of("anger")])
    said = Predictions.of(2 * torch.eye(7)[:2])
    total, values = Objective({"focal": recipe.objective["focal"]})(said, faces)
    assert total.item() == pytest.approx(2 * values["focal"].item())
    plain = Objective({"focal": {"power": 0}, "expression": 1.0})(said, faces)[1]
    assert plain["focal"] == plain["expression"]
    monkeypatch.undo()
    with pytest.raises(FormatError, match="unknown loss term 'focal'"):
        recipes.parse({"objective": {"focal": 1.0}}, "mine")


def test_a_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module with ``NAME``, ``MARKS`` and ``read``."""

    def read(root: Path) -> SourceReading:
        labels = json.loads((root / "gaze.json").read_text())
        samples = [
            Sample(
                "gaze", str(root), name, Annotations({GAZE: Label(torch.tensor(gaze), torch.ones(()))}), subject=name
            )
            for name, gaze in labels.items()
        ]
        return SourceReading("gaze", tuple(samples), ())

    module = SimpleNamespace(NAME="gaze", MARKS=("gaze.json",), read=read)
    monkeypatch.setitem(sources.SOURCES, module.NAME, module.read)
    monkeypatch.setitem(sources._MARKS, module.NAME, module.MARKS)
    names = [f"{i}.png" for i in range(20)]
    (tmp_path / "gaze.json").write_text(json.dumps({name: [0.1 * i, 0.0] for i, name in enumerate(names)}))
    for name in names:
        (tmp_path / name).write_bytes(name.encode())
    assert sources.detect(tmp_path) == "gaze"
    corpus = load_corpus(tmp_path, ("gaze",))
    parts = {part: len(samples) for part, samples in corpus.samples.items()}
    assert sum(parts.values()) == 20
    assert all(parts.values())
    labels = Annotations.stack([sample.annotations for sample in corpus.samples["train"]])
    assert labels[GAZE].weight.sum() == parts["train"]
    monkeypatch.undo()
    assert "gaze" not in sources.SOURCES


def test_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FBN_HOME", str(tmp_path))
    Versions().save("mine", RelatednessTable.named("du2014").edited("fear", 9, 0.4), 0)
    assert resolve("mine").matrix()[3, 6].item() == pytest.approx(0.4)
    assert Objective({"distribution_matching": 1.0}, resolve("mine"))
