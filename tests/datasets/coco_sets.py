"""Small files in the layout of MMPose's hand data sets, with one known hand per annotation."""

import json

import cv2
import numpy as np

from handkd.datasets.readers.rhd import RHD_JOINTS
from handkd.hand import JOINTS

NAMES = ['wrist']
NAMES += [
    f'{finger}{k}'
    for finger in ('thumb', 'forefinger', 'middle_finger', 'ring_finger', 'pinky_finger')
    for k in range(1, 5)
]
SETS = {
    'freihand': dict(type='FreiHandDataset', size=(224, 224), image='training/rgb/{:08d}.jpg'),
    'onehand10k': dict(type='OneHand10KDataset', size=(96, 64), image='Train/source/{}.jpg'),
    'rhd': dict(type='Rhd2DDataset', size=(96, 96), image='training/color/{:05d}.png'),
    'panoptic': dict(type='PanopticHand2DDataset', size=(96, 64), image='hand143_panopticdb/imgs/{:08d}.jpg'),
    'coco_wholebody': dict(type='CocoWholeBodyHandDataset', size=(96, 64), image='{:012d}.jpg'),
}
"""Name -> MMPose's class, size of its images here, and the images' names."""


def hand(number, size):
    """The joints of a hand, in handkd's order, shape (21, 2), px: each finger is a ray from the wrist."""
    scale = min(size) / 96
    joints = [[40.0 + number, 70.0]]
    for finger in range(5):
        for k in range(1, 5):
            joints.append([40.0 + number + (finger - 2) * 3 * k, 70.0 - 11 * k])
    return np.array(joints) * scale


def write_set(root, name, hands=3, wild=True):
    """Write a set's JSON and images; joint 7 of every hand but the first has no label.

    Returns:
        The joints of each hand, (21, 2), and which are labelled, (21,), in handkd's order; and the side or None.
    """
    form, images, annotations, truths = SETS[name], [], [], []
    (root / 'annotations').mkdir(parents=True)
    for number in range(hands):
        images.append(_image(root, form, number))
        sides = ('left', 'right') if name == 'coco_wholebody' else ('left',)
        entry = dict(id=number, image_id=10 + number, category_id=1, iscrowd=0, segmentation=[[1, 2, 3, 4, 5, 6]])
        for k, side in enumerate(sides):
            joints, valid = hand(number + 2 * k, form['size']), np.ones(21, bool)
            valid[7] = number == 0
            truths.append((joints, valid, side if name in ('rhd', 'coco_wholebody') else None))
            entry |= _annotation(name, side, joints, valid)
        annotations.append(entry)
    if name == 'coco_wholebody' and wild:
        nobody = dict(annotations[0], id=90, lefthand_valid=False, righthand_valid=False)
        annotations += [nobody, dict(annotations[0], id=91, iscrowd=1)]
    content = dict(info=dict(description='RHD' if name == 'rhd' else name), licenses='', images=images)
    content |= dict(
        annotations=annotations, categories=[dict(id=1, name='hand', supercategory='hand', keypoints=NAMES)]
    )
    (root / 'annotations' / f'{name}_train.json').write_text(json.dumps(content))
    return truths


def _image(root, form, number):
    path = root / form['image'].format(number)
    path.parent.mkdir(parents=True, exist_ok=True)
    (width, height), name = form['size'], path.relative_to(root).as_posix()
    cv2.imwrite(str(path), np.full((height, width, 3), 60 + 40 * number, np.uint8))
    return dict(file_name=name, height=height, width=width, id=10 + number)


def _annotation(name, side, joints, valid):
    """The keys of a hand in a set's own form."""
    rows = np.column_stack([np.where(valid[:, None], joints, 0), valid])
    low, high = joints.min(0), joints.max(0)
    box = [*low.tolist(), *(high - low).tolist()]
    if name == 'coco_wholebody':
        flat = rows * [1, 1, 0.5]  # their third number is a score
        return {f'{side}hand_kpts': flat.ravel().tolist(), f'{side}hand_box': box, f'{side}hand_valid': True}
    if name == 'rhd':
        rows = rows[[JOINTS.index(joint) for joint in RHD_JOINTS]]
        return dict(bbox=box, area=1.0, keypoints=rows.tolist(), joint_cam=rows.tolist(), hand_type=side)
    more = dict(head_size=7.0, center=[1.0, 2.0], dataset='mpii') if name == 'panoptic' else {}
    return dict(bbox=box, area=1.0, keypoints=rows.ravel().tolist(), **more)
