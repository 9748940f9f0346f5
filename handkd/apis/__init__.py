"""The interface for users: inference, complexity, stages, pictures of networks, helpers of the tools.

A name is imported at its first use: inference needs neither matplotlib nor FAISS, which stages and pictures do.
"""

from handkd.importing import lazy_names

_MODULES = {
    'Complexity': 'complexity',
    'HandInferencer': 'handkd.inference.inferencer',
    'Stage': 'stages',
    'StageResult': 'stage_results',
    'TrainedNetwork': 'trained',
    'activation_sheet': 'activations',
    'budget_tables': 'budget_report',
    'energy_table': 'activations',
    'evaluate': 'runs',
    'latest_checkpoint': 'resuming',
    'measure_config': 'complexity',
    'part_sheet': 'part_pictures',
    'predict_samples': 'pictures',
    'prediction_sheet': 'pictures',
    'probe_table': 'probes',
    'read_stages': 'stages',
    'recorded_results': 'summary',
    'rejection_sheet': 'part_pictures',
    'results_record': 'summary',
    'run_stages': 'stages',
    'select_stages': 'stages',
    'summarize_seeds': 'summary',
    'train': 'runs',
    'turntable': 'view_pictures',
    'view_sheet': 'view_pictures',
    'violation_sheet': 'violations',
    'write_stage_report': 'report',
}
"""Public name -> module of this package that defines it, or the full name of another package's."""

__all__ = list(_MODULES)


__getattr__, __dir__ = lazy_names(__name__, _MODULES)
