"""Every network by name. A new one is a constructor and a line here; tests iterate these dicts."""

from collections.abc import Callable
from functools import partial

from fbn.models.architectures.densenet import DenseNet121
from fbn.models.architectures.resnet import ResNet50
from fbn.models.architectures.vgg import VggFace
from fbn.models.compound import CompoundNet
from fbn.models.network import FaceBehaviorNet
from fbn.vocabulary import Task

#: Other bodies under the same 26 outputs, constructors of ``tasks``, ``width`` and ``dropout``. The study couples each.
BODIES: dict[str, Callable[..., FaceBehaviorNet]] = {
    "vgg-face": VggFace,
    "resnet-50": ResNet50,
    "densenet-121": DenseNet121,
}
ZOO: dict[str, Callable[..., FaceBehaviorNet]] = {
    "facebehaviornet": FaceBehaviorNet,
    "facebehaviornet-wide": partial(FaceBehaviorNet, widths=(48, 96, 192, 384)),
    "expression": partial(FaceBehaviorNet, tasks=(Task.EXPRESSION,)),
    "action-units": partial(FaceBehaviorNet, tasks=(Task.ACTION_UNITS,)),
    "valence-arousal": partial(FaceBehaviorNet, tasks=(Task.VALENCE_AROUSAL,)),
    "compound": CompoundNet,
    **BODIES,
}
