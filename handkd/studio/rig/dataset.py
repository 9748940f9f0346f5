"""The studio's multi-camera rig as a data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np

from handkd.datasets.base import ReproducibleDataset
from handkd.datasets.records import hand_record
from handkd.datasets.views import Captures
from handkd.hand import JOINTS, SIDES
from handkd.hashing import mix
from handkd.hints import check_choice
from handkd.registry import DATASETS

from ..anatomy import subject_of
from ..background import list_backgrounds
from ..randomisation import resolve_randomisation
from ..sample import SUBJECTS, split_number
from ..scene import Scene
from .motion import Motion
from .stage import Stage, bank_behind, draw_stage, photograph_body, pose_body, see

_SEQUENCE, _RIG, _MOTION = 3, 4, 5  # streams of random numbers, besides those of samples, subjects and backgrounds


@DATASETS.register_module()
class StudioRigDataset(ReproducibleDataset):
    """Rendered hands that move in the middle of a rig, seen by synchronised, calibrated cameras around it.

    A sample is one camera's image of one frame of a sequence: a pure function of (seed, split, index) and of the
    numbers below. Index i is camera i % views of frame i // views % frames of sequence i // views // frames; subject s
    has the sequences from s * sequences on. Splits share no subject, motion or background, and have different camera
    calibrations. A sequence has one subject, side and light; the background is static in each of its
    cameras, except for noise. The hand moves smoothly (:class:`~.motion.Motion`), always inside the images.

    Its dict has ``img``, ``part_seg`` and ``hand_mask`` as :class:`~handkd.studio.StudioDataset`'s, the labels
    of :func:`~handkd.datasets.records.hand_record` with ``R`` and ``T`` of the camera, world to camera; and
    ``subject``, ``sequence`` (its name), ``frame`` and ``view``, which
    :class:`~handkd.datasets.transforms.LoadBackground` uses to find the camera's background.

    Args:
        split (str): 'train', 'val' or 'test'.
        subjects (int): Number of people.
        sequences (int): Sequences per subject. Defaults to 2.
        frames (int): Frames of each sequence. Defaults to 100.
        views (int): Number of cameras. Defaults to 8.
        arc (float): Arc of the cameras around the hand, degrees; 360 is all around. The palm faces the middle
            of the arc, up to a rotation of +- 60 degrees and a tilt. Defaults to 360.0.
        seed (int): Seed of the whole data set. Defaults to 0.
        resolution (int): Side of the images, px; the hand is about a quarter as large. Defaults to 256.
        pace (int): Frames from one pose of a hand to the next. Defaults to 20.
        sides (Sequence[str]): Hand sides of the sequences, in turn. Defaults to ('right',).
        randomisation (str | Mapping): As :class:`~handkd.studio.StudioDataset`'s; only light,
            plain, blur, noise, jpeg, quality and sleeve are used. Defaults to 'default'.
        backgrounds (str | None): Folder of background images; None draws procedural ones. Defaults to None.
        pipeline (Sequence[dict]): Transforms. Defaults to ().

    Raises:
        ValueError: If an argument is unknown or out of range; names the nearest right one.
        FileNotFoundError: If ``backgrounds`` is missing or has no image.
    """

    METAINFO: dict = {'dataset_name': 'studio_rig', 'joint_names': JOINTS}

    def __init__(
        self,
        split: str,
        subjects: int,
        sequences: int = 2,
        frames: int = 100,
        views: int = 8,
        arc: float = 360.0,
        seed: int = 0,
        resolution: int = 256,
        pace: int = 20,
        sides: Sequence[str] = ('right',),
        randomisation: str | Mapping[str, object] = 'default',
        backgrounds: str | None = None,
        pipeline: Sequence[dict] = (),
    ) -> None:
        super().__init__(pipeline)
        self.split_id = split_number(split)
        numbers = dict(subjects=subjects, sequences=sequences, frames=frames, views=views, pace=pace)
        lows = dict(dict.fromkeys(numbers, 1), views=2, seed=0, resolution=32)
        for name, value in dict(numbers, seed=seed, resolution=resolution).items():
            if not isinstance(value, int) or value < lows[name]:
                raise ValueError(f'{name} must be an integer of at least {lows[name]}, found {value!r}')
        if not 0 < arc <= 360:
            raise ValueError(f'arc must be above 0 and at most 360 degrees, found {arc!r}')
        if subjects > SUBJECTS[split]:
            raise ValueError(f'subjects: split {split!r} has {SUBJECTS[split]} people, found {subjects}')
        for side in sides or ('',):
            check_choice(side, SIDES, 'sides')
        if backgrounds is not None:
            list_backgrounds(backgrounds, self.split_id)
        self.split, self.seed, self.resolution, self.pace = split, seed, resolution, pace
        self.subjects, self.sequences, self.frames = subjects, sequences, frames
        self.views, self.arc = views, arc
        self.sides, self.backgrounds = tuple(sides), backgrounds
        self.randomisation = resolve_randomisation(randomisation)
        self._prepare()

    def _prepare(self) -> None:
        """Create the caches of the last sequences, separate in each process."""
        self._stage = lru_cache(maxsize=256)(self._make_stage)
        self._motion = lru_cache(maxsize=256)(self._make_motion)

    def __getstate__(self) -> dict:
        """State for a worker: everything but the caches."""
        return {key: value for key, value in vars(self).items() if key not in ('_stage', '_motion')}

    def __setstate__(self, state: dict) -> None:
        """Restore the state of :meth:`__getstate__`."""
        vars(self).update(state)
        self._prepare()

    def __len__(self) -> int:
        return self.subjects * self.sequences * self.frames * self.views

    def captures(self) -> Captures:
        """Return subject, sequence, frame and camera of all samples."""
        moment, view = np.divmod(np.arange(len(self)), self.views)
        sequence, frame = np.divmod(moment, self.frames)
        names = tuple(map(self._name, range(self.subjects * self.sequences)))
        return Captures(sequence // self.sequences, sequence, frame, view, sequence, names)

    def view_groups(self) -> np.ndarray:
        """Return the samples that show the same hand at the same time.

        Returns:
            Shape (G, V), int64, one column per camera.
        """
        return np.arange(len(self)).reshape(-1, self.views)

    def get_labels(self, index: int) -> dict:
        """Return the sample of :meth:`get_data_info` without its images.

        Raises:
            IndexError: If ``index`` is out of range.
        """
        sequence, frame, view = self._locate(index)
        return self._record(index, sequence, frame, view, self._scene(sequence, frame, view))

    def get_data_info(self, index: int) -> dict:
        """Render sample ``index`` (0 <= index < length).

        Raises:
            IndexError: If ``index`` is out of range.
        """
        sequence, frame, view = self._locate(index)
        stage, scene = self._stage(sequence), self._scene(sequence, frame, view)
        bank = bank_behind(stage, view, self.seed, self.split, self.backgrounds)
        grain = mix(self.seed, int(index)) / 2**32
        image, parts = photograph_body(scene, stage, view, grain, self.resolution, bank, self.randomisation)
        record = self._record(index, sequence, frame, view, scene)
        return record | {'img': image, 'part_seg': parts, 'hand_mask': parts > 0}

    def _locate(self, index: int) -> tuple[int, int, int]:
        """Return sequence, frame and camera of a sample."""
        if not 0 <= index < len(self):
            raise IndexError(f'StudioRigDataset has {len(self)} samples, found index {index}')
        moment, view = divmod(int(index), self.views)
        return *divmod(moment, self.frames), view

    def _name(self, sequence: int) -> str:
        return f'{self.split}_{sequence:04d}'

    def _make_stage(self, sequence: int) -> Stage:
        subject = subject_of(self.seed, self.split_id, sequence // self.sequences)
        streams = ((self.seed, self.split_id, _SEQUENCE, sequence), (self.seed, self.split_id, _RIG))
        side = self.sides[sequence % len(self.sides)]
        return draw_stage(*streams, subject, side, self.views, self.arc, self.resolution)

    def _make_motion(self, sequence: int) -> Motion:
        seed = (self.seed, self.split_id, _MOTION, sequence)
        return Motion(seed, self._stage(sequence).subject, self.pace)

    def _scene(self, sequence: int, frame: int, view: int) -> Scene:
        """The body in a camera's axes."""
        stage, posture = self._stage(sequence), self._motion(sequence).at(frame)
        return see(pose_body(stage, posture, self.randomisation.sleeve), stage.cameras[view])

    def _record(self, index: int, sequence: int, frame: int, view: int, scene: Scene) -> dict:
        """The labels of a sample."""
        stage = self._stage(sequence)
        camera = {key: value.copy() for key, value in stage.cameras[view].items()}
        record = hand_record(scene.joints, camera, stage.side, (self.resolution, self.resolution))
        place = dict(subject=sequence // self.sequences, sequence=self._name(sequence), frame=frame, view=view)
        return record | place | {'img_id': int(index)}
