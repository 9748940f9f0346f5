"""Inference on images and videos; nothing here imports torch."""
