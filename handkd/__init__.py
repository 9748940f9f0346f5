"""handkd: train small, fast RGB hand-pose networks with knowledge that is there only at training time."""

from . import compat  # noqa: F401  (MMPose is importable only after it)

__version__ = '0.1.0'
