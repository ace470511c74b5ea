"""A network as an ONNX file, and the onnxruntime network that reads it back; both give the same ``Predictions``."""

import contextlib
import io
import json
import logging
import warnings
from dataclasses import asdict, fields
from pathlib import Path

import onnx
import onnxruntime
import torch
from torch import Tensor, nn

from fbn.compound import DEFAULT_TEMPERATURE, CompoundClasses
from fbn.errors import FormatError
from fbn.models.network import FaceBehaviorNet
from fbn.models.spec import InputSpec
from fbn.records import Predictions
from fbn.vocabulary import Task

_OUTPUT_NAMES = tuple(field.name for field in fields(Predictions))
_TASKS = {
    "expression_logits": Task.EXPRESSION,
    "action_unit_logits": Task.ACTION_UNITS,
    "valence_arousal": Task.VALENCE_AROUSAL,
}
_SPEC_KEY, _COMPOUND_KEY = "input_spec", "compound"


class _Flat(nn.Module):
    """Predictions as a tuple, which is what ONNX can express."""

    def __init__(self, network: FaceBehaviorNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        return tuple(_present(self.network(images)).values())


def _present(predictions: Predictions) -> dict[str, Tensor]:
    pairs = ((name, getattr(predictions, name)) for name in _OUTPUT_NAMES)
    return {name: value for name, value in pairs if value is not None}


def export(network: FaceBehaviorNet, path: Path) -> None:
    """Write a network as ONNX with a free batch size; its ``InputSpec`` and compound classes go along as metadata."""
    network = network.eval()
    size = network.spec.size
    # two pictures: a batch of one would be baked in as a constant
    example = torch.zeros(2, 3, size, size)
    with torch.no_grad():
        names = list(_present(network(example)))
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            _Flat(network).eval(),
            (example,),
            input_names=["images"],
            output_names=names,
            dynamic_shapes={"images": {0: torch.export.Dim("batch")}},
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    for part in (*model.graph.node, *model.graph.value_info, *model.graph.input, *model.graph.output):
        part.ClearField("metadata_props")  # the exporter's stack traces, with this machine's paths
    model.metadata_props.add(key=_SPEC_KEY, value=json.dumps(asdict(network.spec)))
    if network.classes is not None:
        compound = {"classes": network.classes.to_dict(), "temperature": network.temperature}
        model.metadata_props.add(key=_COMPOUND_KEY, value=json.dumps(compound))
    onnx.save(model, str(path))


class OnnxNetwork:
    """A network run by onnxruntime on the CPU; called as the torch network is.

    Args:
        path: a file written by ``export``.
        threads: intra-op threads.

    Attributes:
        spec: what it wants to be shown.
        outputs: names of the ``Predictions`` fields it gives.
        tasks: its tasks in the order of its outputs.
        classes, temperature: as the torch network's.

    Raises:
        FormatError: not an ONNX file written by ``export``.
    """

    def __init__(self, path: Path | str, threads: int = 1) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # spinning threads would take the cores from the camera and the browser
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
            metadata = self._session.get_modelmeta().custom_metadata_map
            self.spec = InputSpec(**json.loads(metadata[_SPEC_KEY]))
            about = json.loads(metadata.get(_COMPOUND_KEY, "{}"))
            self.classes = CompoundClasses.from_dict(about["classes"]) if about else None
            self.temperature = float(about.get("temperature", DEFAULT_TEMPERATURE))
        except Exception as error:  # onnxruntime raises a family of its own, without a public base
            raise FormatError(f"{path}: expected an ONNX file written by fbn ({error})") from error
        self.outputs = tuple(output.name for output in self._session.get_outputs())
        self.tasks = tuple(_TASKS[name] for name in self.outputs if name in _TASKS)

    def __call__(self, images: Tensor) -> Predictions:
        """[B, 3, H, W] float32 in the declared range -> predictions of batch shape [B]."""
        values = self._session.run(None, {"images": images.contiguous().numpy()})
        return Predictions(**{name: torch.from_numpy(v) for name, v in zip(self.outputs, values, strict=True)})
