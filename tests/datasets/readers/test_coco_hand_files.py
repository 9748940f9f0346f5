"""Columns of a COCO-style file of hands, of both forms of annotations."""

import json

import numpy as np
import pytest

from handkd.datasets.damaged_labels import DamagedLabels
from handkd.datasets.readers.coco_hand_files import CocoHands

HAND = [[k, 2 * k, 1] for k in range(21)]


@pytest.fixture
def read(tmp_path):
    """Write annotations of one image, and return its columns."""

    def read_annotations(*annotations, images_last=False, **more):
        image = [dict(id=5, file_name='a.png', width=30, height=20)]
        content = dict(annotations=list(annotations), images=image) if images_last else dict(images=image)
        content.setdefault('annotations', list(annotations))
        (tmp_path / 'a.json').write_text(json.dumps({**content, **more}))
        hands = CocoHands(tmp_path / 'a.json', False)
        return hands, hands.read(DamagedLabels('stop'))

    return read_annotations


@pytest.mark.parametrize('images_last', [False, True])
def test_one_hand(read, images_last):
    hand = dict(image_id=5, bbox=[1, 2, 30, 40], keypoints=HAND, hand_type='right')
    hands, columns = read(hand, images_last=images_last, info=dict(description='RHD'))
    assert hands.description == 'RHD' and columns['side'].tolist() == [1] and columns['image'].tolist() == [0]
    assert columns['box'].tolist() == [[1, 2, 31, 42]] and columns['files'].tolist() == ['a.png']
    np.testing.assert_array_equal(columns['joints'][0], HAND)
    np.testing.assert_array_equal(columns['sizes'], [[30, 20]])


def test_a_persons_hands(read):
    flat = np.ravel(HAND).tolist()
    person = dict(image_id=5, keypoints=[0] * 51, bbox=[0, 0, 9, 9], lefthand_kpts=flat, righthand_kpts=flat)
    person |= dict(lefthand_box=[0, 0, 0, 0], righthand_box=[1, 1, 5, 5])
    _, columns = read(person, dict(person, lefthand_valid=False), dict(person, iscrowd=1))
    assert columns['side'].tolist() == [0, 1, 1] and columns['unlabelled'] == 0
    assert columns['box'].tolist() == [[0, 0, 0, 0], [1, 1, 6, 6], [1, 1, 6, 6]]


def test_hands_without_a_label_are_counted(read):
    nothing = dict(image_id=5, keypoints=[[0, 0, 0]] * 21)
    _, columns = read(nothing, dict(nothing, keypoints=HAND), nothing)
    assert len(columns['sample']) == 1 and columns['unlabelled'] == 2 and columns['side'].tolist() == [-1]
