"""Reader of hands labelled in 2D in COCO's JSON, as MMPose distributes its hand data sets."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from mmengine.logging import MMLogger
from typing_extensions import Unpack

from handkd.hand import JOINTS, NUM_JOINTS, SIDES
from handkd.hints import check_choice
from handkd.image_files import image_size
from handkd.registry import DATASETS

from ..file_dataset import CommonArguments, HandFileDataset
from ..records import flat_record
from .coco_hand_files import CocoHands, Hand
from .rhd import RHD_JOINTS

_ORDERS: dict[str, tuple[str, ...]] = {'mmpose': JOINTS, 'rhd': RHD_JOINTS}


@DATASETS.register_module()
class CocoHandDataset(HandFileDataset):
    """Hands with 2D labels in COCO's JSON: FreiHand2D, RHD2D, OneHand10K, Panoptic-hand2d, COCO-WholeBody and others.

    The tree is MMPose's: ``annotations/onehand10k_train.json`` and images at the names in it. A file has ``images``
    (``id``, ``file_name``, and ``width`` and ``height``, which must be those of the file) and ``annotations`` of one
    hand each (``image_id``, ``bbox`` [x, y, width, height], and ``keypoints``: x, y and visibility of the 21 joints,
    in one list or in 21; ``hand_type`` 'left' or 'right' where it is known), or of one person each
    (``lefthand_kpts``, ``lefthand_box``, ``lefthand_valid`` and the same of the right hand). A sample is one hand.

    A joint whose visibility is 0 has no label; every other one counts as visible inside the image. Left out are hands
    without a labelled joint, which :attr:`unlabelled` counts, and crowds (``iscrowd``). There are no 3D joints and no
    camera: samples have ``keypoints``, ``bbox``, and ``hand_side`` where the side is known.

    The other arguments are those of :class:`~handkd.datasets.HandFileDataset`: ``modalities`` ('rgb' alone),
    ``pipeline``, and ``on_corrupt`` (a missing or damaged image, and a wrong entry; a file that is not JSON is
    always an error).

    Args:
        data_root (str): The folder.
        split (str): Name of a JSON file in ``annotations``, without its suffix, such as 'onehand10k_train'.
        annotations (str): Folder of the JSON files in ``data_root``; '' for ``data_root`` itself. Defaults to
            'annotations'.
        images (str): Folder in ``data_root`` to which the names of images refer, such as 'train2017' for COCO. Defaults
            to '': ``data_root``.
        order (str, optional): Order of the joints in the file: 'mmpose' from palm to tip, which is handkd's, or 'rhd'
            from tip to palm. Defaults to None: 'rhd' if the file's ``info`` says 'RHD', whose list of joint names is
            wrong, else 'mmpose'.
        side (str, optional): Side of the hands without ``hand_type``, such as 'right' for FreiHAND. Defaults to None:
            unknown.
        allow_outside (bool): Whether names of images may lead out of ``data_root``. Defaults to False.

    Raises:
        FileNotFoundError: If the file is missing; describes the folder.
        ValueError: If it is not JSON, or an entry is wrong; names file, entry and key, expected and found value.

    Attributes:
        unlabelled (int): Number of hands left out because none of their joints has a label.
    """

    METAINFO: dict = {'dataset_name': 'coco_hand', 'joint_names': JOINTS}
    SIGNATURE = ('annotations/*.json',)

    def __init__(
        self,
        data_root: str,
        split: str,
        *,
        annotations: str = 'annotations',
        images: str = '',
        order: str | None = None,
        side: str | None = None,
        allow_outside: bool = False,
        **common: Unpack[CommonArguments],
    ) -> None:
        if order is not None:
            check_choice(order, tuple(_ORDERS), 'CocoHandDataset(order=...)')
        if side is not None:
            check_choice(side, SIDES, 'CocoHandDataset(side=...)')
        self.annotations, self.images, self.order, self.side = annotations, images, order, side
        self.allow_outside = allow_outside
        # Without any such file, the error must be about the tree, not about the split.
        found = sorted(path.stem for path in (Path(data_root) / annotations).glob('*.json'))
        self.SPLITS = tuple(found) or (split,)
        super().__init__(data_root, split, **common)
        self.unlabelled = int(self.index['unlabelled'])
        if self.unlabelled:
            MMLogger.get_current_instance().warning(
                f'{self._path}: {self.unlabelled} hands without a labelled joint are left out'
            )

    @property
    def metainfo(self) -> dict:
        """The file's name, and the joint names."""
        return dict(self.METAINFO, dataset_name=self.split)

    @property
    def _path(self) -> Path:
        return self.data_root / self.sources()[0]

    def sources(self) -> list[str]:
        """Return the JSON file."""
        return [os.path.join(self.annotations, f'{self.split}.json')]

    def index_settings(self) -> dict:
        """Return the settings that the labels depend on."""
        return dict(annotations=self.annotations, order=self.order, side=self.side, allow_outside=self.allow_outside)

    def build_index(self) -> dict[str, np.ndarray]:
        """Read the file once, entry by entry, and keep the hands with a labelled joint."""
        hands = CocoHands(self._path, self.allow_outside)
        columns = hands.read(self.damage)
        if self.side is not None:
            columns['side'][columns['side'] < 0] = SIDES.index(self.side)
        if not len(columns['sample']) and not self.damage:
            raise ValueError(f'{str(self._path)!r} has no hand with a labelled joint')
        order = self.order or ('rhd' if hands.description.upper() == 'RHD' else 'mmpose')
        places = [_ORDERS[order].index(name) for name in JOINTS]
        return {**columns, 'joints': columns['joints'][:, places]}

    def get_record(self, index: int) -> dict:
        """Return sample ``index`` without its image; only its size is read.

        Raises:
            OSError: If its image is missing or damaged.
            ValueError: If it has another size than in the labels.
        """
        row = {key: self.index[key][index] for key in Hand._fields}
        path = os.path.join(self.data_root, self.images, str(self.index['files'][row['image']]))
        size, expected = image_size(path), tuple(self.index['sizes'][row['image']].tolist())
        if expected[0] > 0 and expected != size:
            raise ValueError(
                f'{path!r} has {size[0]} x {size[1]} px, but its labels are for {expected[0]} x {expected[1]}: use the '
                "image of the labels' size"
            )
        joints = np.asarray(row['joints'], np.float64).reshape(NUM_JOINTS, 3)
        side = SIDES[row['side']] if row['side'] >= 0 else None
        record = flat_record(joints[:, :2], joints[:, 2] > 0, size, side)
        if row['box'][2] > row['box'][0]:
            record['bbox'] = np.array(row['box'], np.float32)[None]
        return record | {'img_id': index, 'img_path': path}
