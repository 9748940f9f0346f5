"""Students that come with handkd: ONNX files in the folder ``zoo``, by their names."""

from __future__ import annotations

from pathlib import Path

from handkd.shipped import shipped

DEFAULT = 'photo'
"""Name of the student that is used if no network is named."""


def students() -> dict[str, Path]:
    """Return name -> ONNX file of the students that come with handkd, sorted by name; empty if there are none."""
    try:
        folder = shipped('zoo')
    except FileNotFoundError:
        return {}
    return {path.stem: path for path in sorted(folder.glob('*.onnx'))}
