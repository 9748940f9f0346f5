"""Dexter+Object (Sridhar et al. 2016): fingertips only, for testing only, so there is no root to align."""

_base_ = './crops.py'
