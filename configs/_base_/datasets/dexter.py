"""Dexter+Object (Sridhar et al. 2016): fingertips only, and only to test on."""

_base_ = './crops.py'
