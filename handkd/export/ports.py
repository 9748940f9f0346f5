"""Inputs and outputs of an exported graph."""

from __future__ import annotations

from dataclasses import dataclass

CROP_FRAME = 'crop camera axes, x right, y down, z forward'
PIXELS = 'px of the crop, pixel centres at whole numbers'


@dataclass(frozen=True)
class Port:
    """An input or output of a graph.

    Attributes:
        name: Its name.
        shape: Its shape after the batch.
        unit: Its unit.
        dtype: Its type in NumPy. Defaults to 'float32'.
        frame: Axes and origin of coordinates. Defaults to None.
        root: Joint at the origin. Defaults to None.
        meaning: What it is, if the name does not say it. Defaults to None.
    """

    name: str
    shape: tuple[int, ...]
    unit: str | None = None
    dtype: str = 'float32'
    frame: str | None = None
    root: str | None = None
    meaning: str | None = None

    def described(self) -> dict:
        """Return the port as an object of the metadata, without what does not apply."""
        values = dict(vars(self), shape=['B', *self.shape])
        return {key: value for key, value in values.items() if value is not None}


CAMERA = Port('K', (3, 3), 'px', meaning='intrinsics of the camera of the crop')
CENTER = Port(
    'center_mm',
    (3,),
    'mm',
    frame="the crop's camera",
    meaning='centre of the cube around the hand to which depth is cut',
)
SCALE = Port('scale_mm', (), 'mm', meaning='length of the scale bone; 0 for the mean hand of the training')
