"""Export of a network to ONNX, and its execution by onnxruntime; both give the same ``Predictions``."""

import contextlib
import io
import json
import logging
import warnings
from dataclasses import asdict, replace
from pathlib import Path

import onnx
import onnxruntime
import torch
from torch import Tensor, nn

from fbn.compound import DEFAULT_TEMPERATURE, CompoundClasses
from fbn.errors import FormatError
from fbn.models.network import FaceNetwork
from fbn.models.spec import InputSpec
from fbn.records import Predictions
from fbn.tasks import AFFECT_TASKS, COMPOUND, named, serialise

#: Outputs whose names differ from those of their tasks.
_NAMES = {"expression": "expression_logits", "action_units": "action_unit_logits", "compound": "compound_logits"}
#: Keys of the file's metadata.
_SPEC_KEY, _TASKS_KEY, _COMPOUND_KEY = "input_spec", "tasks", "compound"


class _Flat(nn.Module):
    """Returns predictions as a tuple, for ONNX."""

    def __init__(self, network: FaceNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        return tuple(value for _, value in self.network(images).items())


def export(network: FaceNetwork, path: Path) -> None:
    """Write a network to an ONNX file with a dynamic batch size; metadata hold ``InputSpec``, tasks and classes."""
    network = network.eval()
    size = network.spec.size
    # two pictures: a batch size of 1 would be exported as a constant
    example = torch.zeros(2, 3, size, size)
    with torch.no_grad():
        tasks = list(network(example))
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            _Flat(network).eval(),
            (example,),
            input_names=["images"],
            output_names=[_NAMES.get(task.name, task.name) for task in tasks],
            dynamic_shapes={"images": {0: torch.export.Dim("batch")}},
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    for part in (*model.graph.node, *model.graph.value_info, *model.graph.input, *model.graph.output):
        part.ClearField("metadata_props")  # the exporter's stack traces, with this machine's paths
    model.metadata_props.add(key=_TASKS_KEY, value=json.dumps([serialise(task) for task in tasks]))
    model.metadata_props.add(key=_SPEC_KEY, value=json.dumps(asdict(network.spec)))
    if network.classes is not None:
        compound = {"classes": network.classes.to_dict(), "temperature": network.temperature}
        model.metadata_props.add(key=_COMPOUND_KEY, value=json.dumps(compound))
    onnx.save(model, str(path))


class OnnxNetwork:
    """A network run by onnxruntime on the CPU, with the interface of the torch network.

    Args:
        path: a file written by ``export``.
        threads: intra-op threads.

    Attributes:
        spec: format of the input.
        outputs: names of the outputs in the file.
        tasks: tasks of the outputs, in the same order.
        classes, temperature: see ``FaceNetwork``.

    Raises:
        FormatError: not an ONNX file written by ``export``.
    """

    def __init__(self, path: Path | str, threads: int = 1) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # spinning threads would compete with the camera and the browser for cores
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
            metadata = self._session.get_modelmeta().custom_metadata_map
            self.spec = InputSpec(**json.loads(metadata[_SPEC_KEY]))
            self.outputs = tuple(output.name for output in self._session.get_outputs())
            about = json.loads(metadata.get(_COMPOUND_KEY, "{}"))
            self.classes = CompoundClasses.from_dict(about["classes"]) if about else None
            self.temperature = float(about.get("temperature", DEFAULT_TEMPERATURE))
            if _TASKS_KEY in metadata:
                self.tasks = tuple(map(named, json.loads(metadata[_TASKS_KEY])))
            else:  # a file of an older version, without tasks
                of_output = {_NAMES.get(task.name, task.name): task for task in AFFECT_TASKS}
                if self.classes:
                    of_output[_NAMES[COMPOUND.name]] = replace(COMPOUND, labels=self.classes.classes)
                self.tasks = tuple(of_output[name] for name in self.outputs)
        except Exception as error:  # the exceptions of onnxruntime have no public base class
            raise FormatError(f"{path}: expected an ONNX file written by fbn ({error})") from error

    def __call__(self, images: Tensor) -> Predictions:
        """Compute predictions of batch shape [B] for [B, 3, H, W] float32 images in the range of ``spec``."""
        values = self._session.run(None, {"images": images.contiguous().numpy()})
        return Predictions({task: torch.from_numpy(v) for task, v in zip(self.tasks, values, strict=True)})
