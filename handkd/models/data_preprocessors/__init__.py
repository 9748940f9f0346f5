"""Data preprocessors: from packed samples to the float batch on the device."""

from .hand_data_preprocessor import HandDataPreprocessor

__all__ = ['HandDataPreprocessor']
