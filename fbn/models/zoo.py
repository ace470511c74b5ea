"""Networks by name: each a body with heads. To add one, write a function and register it in ``ZOO``."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from fbn.compound import DEFAULT_TEMPERATURE, CompoundClasses
from fbn.errors import FormatError
from fbn.models.bodies import Body
from fbn.models.bodies.densenet import DenseNet121
from fbn.models.bodies.residual import Residual
from fbn.models.bodies.resnet import ResNet50
from fbn.models.bodies.vgg import VggFace
from fbn.models.heads.compound import CompoundHead
from fbn.models.heads.linear import Linear
from fbn.models.network import FaceNetwork
from fbn.tasks import ACTION_UNITS, AFFECT_TASKS, EXPRESSION, VALENCE_AROUSAL, Task, named

_WIDTHS, _BLOCKS = (32, 64, 128, 256), (2, 2, 2, 2)
#: The papers' order of outputs: 2 + 7 + 17.
_ORDER = (VALENCE_AROUSAL, EXPRESSION, ACTION_UNITS)
Tasks = Iterable[str | Task]


def affect(body: Body, tasks: Tasks, dropout: float) -> FaceNetwork:
    """Build a body with a linear head for some tasks; those of the papers are in the papers' order."""
    wanted = dict.fromkeys(named(task) for task in tasks)
    ordered = (*(task for task in _ORDER if task in wanted), *(task for task in wanted if task not in _ORDER))
    return FaceNetwork(body, partial(Linear, tasks=ordered, dropout=dropout))


def facebehaviornet(
    tasks: Tasks = AFFECT_TASKS,
    widths: Iterable[int] = _WIDTHS,
    blocks: Iterable[int] = _BLOCKS,
    dropout: float = 0.3,
) -> FaceNetwork:
    """Build the network of paper A, section 3.1.1: a linear layer on shared features predicts every task.

    Args:
        tasks: the outputs; one task for a single-task network.
        widths, blocks: see ``Residual``.
        dropout: probability before the linear layer.
    """
    return affect(Residual(widths, blocks), tasks, dropout)


def compound(
    widths: Iterable[int] = _WIDTHS,
    blocks: Iterable[int] = _BLOCKS,
    dropout: float = 0.3,
    classes: Mapping[str, Any] | None = None,
    temperature: float = DEFAULT_TEMPERATURE,
) -> FaceNetwork:
    """Build ``facebehaviornet`` with an additional head for compound expressions.

    Args:
        widths, blocks, dropout: see ``facebehaviornet``.
        classes: result of ``CompoundClasses.to_dict``; None: those of RAF-DB.
        temperature: see ``CompoundHead``.

    Raises:
        FormatError: invalid classes.
    """
    chosen = CompoundClasses.named("rafdb") if classes is None else CompoundClasses.from_dict(classes)
    heads = (partial(Linear, tasks=_ORDER), partial(CompoundHead, classes=chosen, temperature=temperature))
    return FaceNetwork(Residual(widths, blocks), *(partial(head, dropout=dropout) for head in heads))


def vgg_face(tasks: Tasks = AFFECT_TASKS, width: float = 1.0, dropout: float = 0.5) -> FaceNetwork:
    """Build the network of paper C; ``width`` is a factor on all channels."""
    return affect(VggFace(width, dropout), tasks, dropout)


def resnet_50(tasks: Tasks = AFFECT_TASKS, width: float = 1.0, dropout: float = 0.2) -> FaceNetwork:
    """Build ResNet-50 with the same outputs (paper A, Tables IV and VIII)."""
    return affect(ResNet50(width), tasks, dropout)


def densenet_121(tasks: Tasks = AFFECT_TASKS, width: float = 1.0, dropout: float = 0.2) -> FaceNetwork:
    """Build DenseNet-121 with the same outputs (paper A, Tables IV and VIII)."""
    return affect(DenseNet121(width), tasks, dropout)


#: Other bodies with the same 26 outputs: multi-task baselines of paper A, Tables IV and VIII, and arms of the study.
BODIES: dict[str, Callable[..., FaceNetwork]] = {
    "vgg-face": vgg_face,
    "resnet-50": resnet_50,
    "densenet-121": densenet_121,
}
ZOO: dict[str, Callable[..., FaceNetwork]] = {
    "facebehaviornet": facebehaviornet,
    "facebehaviornet-wide": partial(facebehaviornet, widths=(48, 96, 192, 384)),
    "expression": partial(facebehaviornet, tasks=(EXPRESSION,)),
    "action-units": partial(facebehaviornet, tasks=(ACTION_UNITS,)),
    "valence-arousal": partial(facebehaviornet, tasks=(VALENCE_AROUSAL,)),
    "compound": compound,
    **BODIES,
}


def with_compound(
    network: FaceNetwork, classes: CompoundClasses, temperature: float = DEFAULT_TEMPERATURE
) -> FaceNetwork:
    """Copy a network and add an untrained head for these classes, in place of an existing one.

    Raises:
        FormatError: the network lacks one of the three tasks, or its body is not ``Residual``.
    """
    if not isinstance(network.body, Residual):
        raise FormatError(f"{type(network.body).__name__}: expected the residual body under compound classes")
    first = network.heads[0]
    if not (isinstance(first, Linear) and set(first.tasks) == set(AFFECT_TASKS)):
        only = ", ".join(map(str, network.tasks))
        raise FormatError(f"a network that predicts only {only}: compound expressions need all three tasks")
    made = compound(network.body.widths, network.body.blocks, first.dropout.p, classes.to_dict(), temperature)
    made.spec = network.spec
    made.body.load_state_dict(network.body.state_dict())
    made.heads[0].load_state_dict(first.state_dict())
    return made.train(network.training)


def compound_arguments(network: FaceNetwork) -> dict[str, Any]:
    """Return the arguments of ``compound`` that rebuild a network of ``with_compound``; JSON-serialisable."""
    body, head = network.body, network.compound
    assert isinstance(body, Residual)
    assert head is not None
    return {
        "widths": list(body.widths),
        "blocks": list(body.blocks),
        "dropout": head.dropout.p,
        "classes": head.classes.to_dict(),
        "temperature": head.temperature,
    }
