"""The hand studio: rendered hands with every label, from a seed alone."""

from handkd.compiling import announce

from .dataset import StudioDataset
from .randomisation import PRESETS, Randomisation
from .rig import StudioRigDataset
from .sample import SampleSettings, make_sample, render_views
from .sensor import SENSORS, DepthSensor

__all__ = [
    'PRESETS',
    'SENSORS',
    'DepthSensor',
    'Randomisation',
    'SampleSettings',
    'StudioDataset',
    'StudioRigDataset',
    'make_sample',
    'render_views',
]

announce(__name__, 'the hand studio')
