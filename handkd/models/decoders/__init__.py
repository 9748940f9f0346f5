"""Decoders: latents of an encoder -> image."""

from .view_decoder import ViewDecoder

__all__ = ['ViewDecoder']
