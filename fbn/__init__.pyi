from . import losses as losses
from . import metrics as metrics
from .api import evaluate as evaluate
from .api import few_shot as few_shot
from .api import load as load
from .api import synth as synth
from .api import train as train
from .errors import FbnError as FbnError
from .inference import FaceAnalyser as FaceAnalyser
from .inference.analysis import analyse as analyse
from .records import Annotations as Annotations
from .records import Predictions as Predictions
from .relatedness import RelatednessTable as RelatednessTable
from .tasks import Task as Task
from .training.recipe import Recipe as Recipe

__version__: str
