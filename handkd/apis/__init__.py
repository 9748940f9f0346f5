"""What users call: inference, complexity, stages of training, and the command line's shared parts."""

from .complexity import Complexity, measure_config
from .inferencer import HandInferencer
from .report import StageResult, write_stage_report
from .runs import evaluate, latest_checkpoint, train
from .stages import Stage, read_stages, run_stages, select_stages
from .summary import summarize_seeds

__all__ = [
    'Complexity',
    'HandInferencer',
    'Stage',
    'StageResult',
    'evaluate',
    'latest_checkpoint',
    'measure_config',
    'read_stages',
    'run_stages',
    'select_stages',
    'summarize_seeds',
    'train',
    'write_stage_report',
]
