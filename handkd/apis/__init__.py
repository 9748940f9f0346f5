"""The interface for users: inference, complexity, stages, joint limits, pictures of networks, helpers of the tools."""

from .activations import activation_sheet, energy_table
from .angle_limits import ensure_limits, gather_limits
from .backgrounds import ensure_backgrounds
from .budget_report import budget_tables
from .complexity import Complexity, measure_config
from .inferencer import HandInferencer
from .packs import ensure_packs
from .part_pictures import part_sheet, rejection_sheet
from .pictures import predict_samples, prediction_sheet
from .probes import probe_table
from .report import write_stage_report
from .resuming import latest_checkpoint
from .runs import evaluate, train
from .stage_results import StageResult
from .stages import Stage, read_stages, run_stages, select_stages
from .summary import recorded_results, results_record, summarize_seeds
from .trained import TrainedNetwork
from .view_pictures import turntable, view_sheet
from .violations import violation_sheet

__all__ = [
    'Complexity',
    'HandInferencer',
    'Stage',
    'StageResult',
    'TrainedNetwork',
    'activation_sheet',
    'budget_tables',
    'energy_table',
    'ensure_backgrounds',
    'ensure_limits',
    'ensure_packs',
    'evaluate',
    'gather_limits',
    'latest_checkpoint',
    'measure_config',
    'part_sheet',
    'predict_samples',
    'prediction_sheet',
    'probe_table',
    'read_stages',
    'recorded_results',
    'rejection_sheet',
    'results_record',
    'run_stages',
    'select_stages',
    'summarize_seeds',
    'train',
    'turntable',
    'view_sheet',
    'violation_sheet',
    'write_stage_report',
]
