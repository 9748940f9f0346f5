"""Joint orders of files, and conversion between them."""

from __future__ import annotations

from dataclasses import replace

from handkd.datasets.joint_orders import MANO_JOINTS
from handkd.datasets.readers.bighand import BIGHAND_JOINTS
from handkd.datasets.readers.interhand_files import INTERHAND_JOINTS
from handkd.datasets.readers.nyu import NYU_JOINTS, NYU_NAMES
from handkd.datasets.readers.rhd import RHD_JOINTS
from handkd.datasets.readers.stb import STB_JOINTS
from handkd.hand import JOINTS
from handkd.hints import check_choice, did_you_mean

from .joint_files import JointFile
from .protocols import ICVL_JOINTS, NYU_EVALUATION_JOINTS, PALM_JOINTS

ORDERS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(('handkd', 'freihand', 'mmpose', 'openpose', 'panoptic'), JOINTS),
    'rhd': RHD_JOINTS,
    'stb': STB_JOINTS,
    'palm': PALM_JOINTS,
    'bighand': BIGHAND_JOINTS,
    'interhand': INTERHAND_JOINTS,
    'mano': MANO_JOINTS,
    'nyu': NYU_JOINTS,
    'nyu14': NYU_EVALUATION_JOINTS,
    'icvl': ICVL_JOINTS,
}
"""Joint names by the name of an order. 'palm' is handkd's with the palm's centre as joint 0; 'nyu' NYU's 36."""


def find_order(name: str) -> tuple[str, ...]:
    """Return the joint names of an order.

    Raises:
        ValueError: If there is no such order; names the nearest right one.
    """
    check_choice(name, ORDERS, 'joint order')
    return ORDERS[name]


def handkd_names(*orders: str | None) -> tuple[str, ...]:
    """Return handkd's joint names, with 'palm' as joint 0 if an order has a palm and no wrist.

    Args:
        orders: Names of orders; None counts as handkd's.

    Raises:
        ValueError: If there is no such order.
    """
    lists = [find_order(order) for order in orders if order is not None]
    return PALM_JOINTS if any('palm' in names and 'wrist' not in names for names in lists) else JOINTS


def reorder(file: JointFile, order: str, names: tuple[str, ...]) -> JointFile:
    """Return a file's joints and masks in another joint order.

    Args:
        file: The file.
        order: Its joint order, of :data:`ORDERS`.
        names: The joints to return, by name.

    Raises:
        ValueError: If the file has another number of joints, lacks one, or was dumped by a metric, whose joints are in
            its data set's order already.
    """
    found = find_order(order)
    if file.protocol is not None:
        raise ValueError(f"{file.path}: was dumped by a metric, in its data set's order: leave out the order {order!r}")
    if file.joints.shape[1] != len(found):
        raise ValueError(f'{file.path} has {file.joints.shape[1]} joints, but the order {order!r} is of {len(found)}')
    index = [_place(name, found, order) for name in names]
    labelled, visible = (None if mask is None else mask[:, index] for mask in (file.labelled, file.visible))
    return replace(file, joints=file.joints[:, index], labelled=labelled, visible=visible)


def _place(name: str, names: tuple[str, ...], order: str) -> int:
    # NYU has joint names of its own, and its protocol counts some joints that handkd's order lacks.
    known = name if name in names else NYU_NAMES.get(name) if names is NYU_JOINTS else None
    if known is None:
        raise ValueError(f'the order {order!r} has no joint {name!r}; {did_you_mean(name, names)}')
    return names.index(known)
