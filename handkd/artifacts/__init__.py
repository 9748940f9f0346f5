"""Files and folders that must exist before a network is trained: one contract, and one module per kind."""

from .base import Artifact, Need, progress_bar, settings_digest
from .finding import (
    EVALUATION,
    TRAINING,
    artifact_entries,
    artifact_kinds,
    ensure_artifacts,
    find_artifacts,
    find_needs,
    hand_out_paths,
)

__all__ = [
    'EVALUATION',
    'TRAINING',
    'Artifact',
    'Need',
    'artifact_entries',
    'artifact_kinds',
    'ensure_artifacts',
    'find_artifacts',
    'find_needs',
    'hand_out_paths',
    'progress_bar',
    'settings_digest',
]
