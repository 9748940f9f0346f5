"""Depth sensor model: noise that grows with depth, quantisation, holes at grazing angles and edges, flying pixels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import numpy as np

from handkd.compiling import njit
from handkd.hints import check_choice, check_keys

from .renderer import JIT


@dataclass(frozen=True)
class DepthSensor:
    """Parameters of a depth camera.

    Attributes:
        noise: Standard deviation of axial noise at 1 m, mm; it grows with the square of depth (Khoshelham and Elberink,
            "Accuracy and resolution of Kinect depth data", 2012).
        step: Quantisation step at 1 m, mm; grows likewise.
        holes: Probability that a pixel at a depth edge has no measurement.
        flying: Probability that a pixel at a depth edge lies between both sides.
        edge: Depth difference (mm) between neighbours at a depth edge.
    """

    noise: float = 1.5
    step: float = 2.5
    holes: float = 0.25
    flying: float = 0.15
    edge: float = 15.0


SENSORS: dict[str, DepthSensor | None] = {
    'clean': None,
    'kinect': DepthSensor(),
    'tof': DepthSensor(noise=3.0, step=1.0, holes=0.08, flying=0.35),
    'stereo': DepthSensor(noise=2.5, step=4.0, holes=0.35, flying=0.05),
}
"""Sensors by name; ``'clean'`` is exact depth."""


def resolve_sensor(setting: None | str | Mapping[str, object]) -> DepthSensor | None:
    """Convert None, a sensor's name, or a mapping over ``'kinect'`` with an optional ``preset``, to a sensor.

    Raises:
        ValueError: If a name or a key is unknown, or a value is negative; names the nearest right one.
    """
    if setting is None:
        return None
    changes = {} if isinstance(setting, str) else dict(setting)
    name = setting if isinstance(setting, str) else changes.pop('preset', 'kinect')
    check_choice(name, SENSORS, 'depth_sensor')
    check_keys(changes, (field.name for field in fields(DepthSensor)), 'depth_sensor')
    for key, value in changes.items():
        if not (isinstance(value, (int, float)) and value >= 0):
            raise ValueError(f'depth_sensor[{key!r}] must be a number >= 0, found {value!r}')
    sensor = SENSORS[name]
    return replace(sensor or DepthSensor(0.0, 0.0, 0.0, 0.0), **changes) if changes else sensor


@njit(**JIT)
def _sense(
    depth: np.ndarray,
    deviates: np.ndarray,
    chance: np.ndarray,
    noise: float,
    step: float,
    holes: float,
    flying: float,
    edge: float,
    out: np.ndarray,
) -> None:
    height, width = depth.shape
    for row in range(height):
        for col in range(width):
            t = depth[row, col]
            out[row, col] = 0.0
            if t <= 0.0:
                continue
            beyond = 0.0
            for dr, dc in ((0, 1), (0, -1), (1, 0), (-1, 0)):
                r, c = row + dr, col + dc
                if 0 <= r < height and 0 <= c < width:
                    other = depth[r, c]
                    if other <= 0.0 or other > t + edge:
                        beyond = other if other > 0.0 else t + 4.0 * edge
            u = chance[row, col]
            if beyond > 0.0 and u < holes:
                continue
            grow = t * t * 1e-6
            value = t + noise * grow * deviates[row, col]
            if beyond > 0.0 and u < holes + flying:
                value = t + (beyond - t) * (u - holes) / flying
            if step > 0.0:  # a triangulating camera quantises inverse depth
                count = np.round(1.0 / (max(value, 1.0) * step * 1e-6))
                value = 1.0 / (max(count, 1.0) * step * 1e-6)
            out[row, col] = max(value, 0.0)


def apply_sensor(depth: np.ndarray, sensor: DepthSensor, rng: np.random.Generator) -> np.ndarray:
    """Simulate a depth sensor.

    Args:
        depth: (H, W) float32, mm along the camera's optical axis; 0 = no measurement.
        sensor: The sensor.
        rng: Source of randomness.

    Returns:
        (H, W) float32, mm; 0 = no measurement.
    """
    out = np.empty_like(depth)
    deviates, chance = rng.standard_normal(depth.shape, np.float32), rng.random(depth.shape, np.float32)
    _sense(depth, deviates, chance, sensor.noise, sensor.step, sensor.holes, sensor.flying, sensor.edge, out)
    return out
