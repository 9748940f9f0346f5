"""What users call: inference, complexity, stages, pictures of networks at work, and the command line's shared parts."""

from .activations import activation_sheet, energy_table
from .complexity import Complexity, measure_config
from .inferencer import HandInferencer
from .pictures import predict_samples, prediction_sheet
from .report import StageResult, write_stage_report
from .runs import evaluate, latest_checkpoint, train
from .stages import Stage, read_stages, run_stages, select_stages
from .summary import results_record, summarize_seeds
from .trained import TrainedNetwork

__all__ = [
    'Complexity',
    'HandInferencer',
    'Stage',
    'StageResult',
    'TrainedNetwork',
    'activation_sheet',
    'energy_table',
    'evaluate',
    'latest_checkpoint',
    'measure_config',
    'predict_samples',
    'prediction_sheet',
    'read_stages',
    'results_record',
    'run_stages',
    'select_stages',
    'summarize_seeds',
    'train',
    'write_stage_report',
]
