"""Domain randomisation: ranges and probabilities of everything that varies between samples, as one setting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from handkd.hints import check_choice, check_keys


@dataclass(frozen=True)
class Randomisation:
    """Ranges (low, high), probabilities and strengths in [0, 1] of everything that varies.

    Attributes:
        focal: Focal length of the whole 640 x 480 camera, px.
        distance: Distance of the hand, mm.
        view: Largest angle between the hand and an upright one that shows its palm or its back, degrees; 180 is the
            full view sphere at any roll.
        offset: Share of the whole image, around its middle, in which the hand lies. Joints are along the axes of the
            whole camera, and a crop does not show how far it is from the middle.
        light: Deviation of light and colours from a neutral studio.
        plain: Probability of a plain background instead of a scene.
        blur: Standard deviation of the lens blur, px.
        noise: Standard deviation of the camera noise at white.
        jpeg: Probability of JPEG compression.
        quality: JPEG quality.
        sleeve: Probability of a sleeve.
        stick: Probability of a stick in a hand bent enough to hold it.
        front: Probability of a stick or a box in front of the hand.
    """

    focal: tuple[float, float] = (480.0, 900.0)
    distance: tuple[float, float] = (350.0, 900.0)
    view: float = 180.0
    offset: float = 0.7
    light: float = 1.0
    plain: float = 0.08
    blur: tuple[float, float] = (0.35, 0.75)
    noise: tuple[float, float] = (0.003, 0.02)
    jpeg: float = 0.2
    quality: tuple[int, int] = (55, 95)
    sleeve: float = 0.4
    stick: float = 0.12
    front: float = 0.05


PRESETS: dict[str, Randomisation] = {
    'none': Randomisation(
        focal=(600.0, 600.0), distance=(550.0, 550.0), light=0.0, plain=1.0, blur=(0.4, 0.4), noise=(0.0, 0.0),
        jpeg=0.0, sleeve=0.0, stick=0.0, front=0.0,
    ),
    'default': Randomisation(),
    'strong': Randomisation(
        focal=(380.0, 1100.0), distance=(300.0, 1200.0), blur=(0.35, 1.2), noise=(0.003, 0.06), jpeg=0.5,
        quality=(25, 95), sleeve=0.5, stick=0.2, front=0.2,
    ),
}  # fmt: skip
"""Settings by name."""


def resolve_randomisation(setting: str | Mapping[str, object]) -> Randomisation:
    """Convert a preset's name, or a mapping over the default with an optional ``preset``, to a setting.

    Raises:
        ValueError: If a name or a key is unknown or a value has the wrong form; names the nearest right one.
    """
    changes = {} if isinstance(setting, str) else dict(setting)
    name = setting if isinstance(setting, str) else changes.pop('preset', 'default')
    check_choice(name, PRESETS, 'randomisation')
    base = PRESETS[name]
    check_keys(changes, (field.name for field in fields(Randomisation)), 'randomisation')
    for key, value in changes.items():
        if isinstance(getattr(base, key), tuple):
            if not (isinstance(value, (tuple, list)) and len(value) == 2 and 0 <= value[0] <= value[1]):
                raise ValueError(f'randomisation[{key!r}] must be a range (low, high), found {value!r}')
            changes[key] = tuple(value)
        elif not (isinstance(value, (int, float)) and 0 <= value <= (180 if key == 'view' else 1)):
            raise ValueError(f'randomisation[{key!r}] must be in [0, {180 if key == "view" else 1}], found {value!r}')
    return replace(base, **changes)
