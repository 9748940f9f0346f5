"""handkd: train small, fast RGB hand-pose networks with knowledge that is available only in training."""

from .sharing import share_cores

share_cores()  # before anything loads torch

from . import compat  # noqa: E402, F401  (MMPose is importable only after it)

__version__ = '0.1.0'
