"""What users call: inference, complexity, stages, joint limits, pictures of networks at work, what the tools share."""

from .activations import activation_sheet, energy_table
from .angle_limits import ensure_limits, gather_limits
from .complexity import Complexity, measure_config
from .inferencer import HandInferencer
from .part_pictures import part_sheet, rejection_sheet
from .pictures import predict_samples, prediction_sheet
from .report import StageResult, write_stage_report
from .runs import evaluate, latest_checkpoint, train
from .stages import Stage, read_stages, run_stages, select_stages
from .summary import results_record, summarize_seeds
from .trained import TrainedNetwork
from .violations import violation_sheet

__all__ = [
    'Complexity',
    'HandInferencer',
    'Stage',
    'StageResult',
    'TrainedNetwork',
    'activation_sheet',
    'energy_table',
    'ensure_limits',
    'evaluate',
    'gather_limits',
    'latest_checkpoint',
    'measure_config',
    'part_sheet',
    'predict_samples',
    'prediction_sheet',
    'read_stages',
    'rejection_sheet',
    'results_record',
    'run_stages',
    'select_stages',
    'summarize_seeds',
    'train',
    'violation_sheet',
    'write_stage_report',
]
