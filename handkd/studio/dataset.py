"""The studio as a data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from handkd.datasets.base import ReproducibleDataset
from handkd.hand import JOINTS, SIDES
from handkd.hints import check_choice, check_keys
from handkd.registry import DATASETS

from .background import list_backgrounds
from .randomisation import resolve_randomisation
from .sample import MODALITIES, SampleSettings, make_labels, make_sample, split_number
from .sensor import resolve_sensor


@DATASETS.register_module()
class StudioDataset(ReproducibleDataset):
    """Rendered hands: sample i of a split is a pure function of (seed, split, i), on every process and run.

    Splits share no subject, pose or background. A sample is the crop of a 640 x 480 camera to the square around the
    hand's joints, rendered directly. Its dict has ``keypoints`` (1, 21, 2) px with pixel centres at integers,
    ``keypoints_visible`` (1, 21): 1 inside the image, even if occluded, ``keypoints_cam`` (1, 21, 3) mm in
    camera axes (x right, y down, z forward), ``camera``, ``hand_side``, ``bbox`` (1, 4) around the joints, and
    ``skin_tone`` from 0, the lightest, to 1, the darkest of the Monk scale; ``part_seg`` and ``hand_mask``, the visible
    hand without forearm; and, if requested, ``img`` (H, W, 3) uint8 BGR and ``depth`` (H, W) float32 mm along the
    optical axis, of hand, forearm and objects.

    Args:
        split (str): 'train', 'val' or 'test'.
        length (int): Number of samples.
        seed (int): Seed of the whole data set. Defaults to 0.
        modalities (Sequence[str]): Which of 'rgb', 'depth', 'parts' to render; parts are always included.
            Defaults to ('rgb', 'depth').
        resolution (int): Side of the image, px. Defaults to 64.
        sides (Sequence[str]): Hand sides to show. Defaults to ('left', 'right').
        factor (float): Side of the crop over the larger extent of the tight box of the joints. Defaults to 1.25.
        crop_noise (Mapping | None): ``scale``: (low, high) random factor on the crop's side; ``shift``: largest random
            displacement over its side. None is no noise. Defaults to dict(scale=(0.9, 1.2), shift=0.08).
        randomisation (str | Mapping): A name in ``PRESETS`` ('none', 'default', 'strong'), or fields of
            :class:`~handkd.studio.randomisation.Randomisation` to change, with an optional ``preset`` to start
            from. Defaults to 'default'.
        depth_sensor (None | str | Mapping): A name in ``SENSORS`` or fields of
            :class:`~handkd.studio.sensor.DepthSensor`; None is exact depth. Defaults to None.
        background_depth (bool): Whether the wall behind the hand has depth; else 0. Defaults to False.
        backgrounds (str | None): Folder of background images; None draws procedural ones. Defaults to None.
        label_noise_mm (float): Standard deviation of noise on the 3D joints, mm. Defaults to 0.0.
        pipeline (Sequence[dict]): Transforms. Defaults to ().

    Raises:
        ValueError: If an argument is unknown or out of range; names the nearest right one.
        FileNotFoundError: If ``backgrounds`` is missing or has no image.
    """

    METAINFO: dict = {'dataset_name': 'studio', 'joint_names': JOINTS}

    def __init__(
        self,
        split: str,
        length: int,
        seed: int = 0,
        modalities: Sequence[str] = ('rgb', 'depth'),
        resolution: int = 64,
        sides: Sequence[str] = SIDES,
        factor: float = 1.25,
        crop_noise: Mapping[str, object] | None = {'scale': (0.9, 1.2), 'shift': 0.08},  # noqa: B006 (never changed)
        randomisation: str | Mapping[str, object] = 'default',
        depth_sensor: None | str | Mapping[str, object] = None,
        background_depth: bool = False,
        backgrounds: str | None = None,
        label_noise_mm: float = 0.0,
        pipeline: Sequence[dict] = (),
    ) -> None:
        super().__init__(pipeline)
        split_id = split_number(split)
        for name, words, known in (('modalities', modalities, MODALITIES), ('sides', sides, SIDES)):
            for word in words:
                check_choice(word, known, name)
        zoom, shift = _crop_noise(crop_noise)
        for name, value, low in (('length', length, 1), ('seed', seed, 0), ('resolution', resolution, 8)):
            if not isinstance(value, int) or value < low:
                raise ValueError(f'{name} must be an integer of at least {low}, found {value!r}')
        if backgrounds is not None:
            list_backgrounds(backgrounds, split_id)
        self.length = length
        self.settings = SampleSettings(
            split, seed, resolution, 'rgb' in modalities, 'depth' in modalities, tuple(sides), factor, zoom, shift,
            resolve_randomisation(randomisation), resolve_sensor(depth_sensor), background_depth, backgrounds,
            label_noise_mm,
        )  # fmt: skip

    def __len__(self) -> int:
        return self.length

    def get_data_info(self, index: int) -> dict:
        """Render sample ``index`` (0 <= index < length).

        Raises:
            IndexError: If ``index`` is out of range.
        """
        return make_sample(self.settings, self._number(index))

    def get_labels(self, index: int) -> dict:
        """Return the sample of :meth:`get_data_info` without its images.

        Raises:
            IndexError: If ``index`` is out of range.
        """
        return make_labels(self.settings, self._number(index))

    def _number(self, index: int) -> int:
        if not 0 <= index < self.length:
            raise IndexError(f'StudioDataset has {self.length} samples, found index {index}')
        return int(index)


def _crop_noise(noise: Mapping[str, object] | None) -> tuple[tuple[float, float], float]:
    """Check ``crop_noise`` and return its (scale range, shift)."""
    noise = {'scale': (1.0, 1.0), 'shift': 0.0} if noise is None else {'scale': (1.0, 1.0), 'shift': 0.0, **noise}
    check_keys(noise, ('scale', 'shift'), 'crop_noise')
    low, high = noise['scale']
    if not 0 < low <= high:
        raise ValueError(f"crop_noise['scale'] must be a range (low, high) above 0, found {noise['scale']!r}")
    return (float(low), float(high)), float(noise['shift'])
