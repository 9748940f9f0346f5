"""Decoders: what an encoder has learnt -> an image."""

from .view_decoder import ViewDecoder

__all__ = ['ViewDecoder']
