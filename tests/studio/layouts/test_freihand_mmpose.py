"""FreiHAND in MMPose's form: MMPose's own data set reads the truth, and the owners' files are those of freihand."""

import json

import cv2
import numpy as np
import pytest
from mmpose.datasets.datasets.hand import FreiHandDataset

from handkd.studio.layouts.freihand_mmpose import write_freihand_mmpose

HANDS = 2


@pytest.fixture(scope='module')
def written(tmp_path_factory):
    root = tmp_path_factory.mktemp('freihand')
    return root, list(write_freihand_mmpose(root, HANDS, 5))


@pytest.mark.parametrize(
    ('name', 'split', 'count'), [('train', 'training', 8), ('val', 'evaluation', 2), ('test', 'evaluation', 2)]
)
def test_mmpose_reads_the_truth(written, name, split, count):
    root, truths = written
    ann = f'annotations/freihand_{name}.json'
    found = FreiHandDataset(ann, data_root=str(root), data_prefix=dict(img=''), test_mode=True)
    entries = json.loads((root / ann).read_text())['annotations']
    expected = [truth for truth in truths if truth['split'] == split]
    assert len(found) == len(expected) == count
    for i, truth in enumerate(expected):
        info = found.get_data_info(i)
        assert info['img_path'] == str(root / truth['img_path']) and cv2.imread(info['img_path']).shape == (224, 224, 3)
        np.testing.assert_allclose(info['keypoints'][0], truth['keypoints'], atol=1e-3)
        assert (info['keypoints_visible'] == 1).all()
        np.testing.assert_array_equal(info['bbox'][0], [0, 0, 224, 224])  # MMPose does not read the box
        x, y, width, height = entries[i]['bbox']
        outside = truth['hand_mask'].copy()
        outside[y : y + height, x : x + width] = False
        assert not outside.any() and truth['hand_mask'][y].any() and truth['hand_mask'][:, x + width - 1].any()


def test_no_hand_is_in_two_parts(written):
    root, _ = written
    names = [
        {
            image['file_name']
            for image in json.loads((root / 'annotations' / f'freihand_{part}.json').read_text())['images']
        }
        for part in ('train', 'val', 'test')
    ]
    assert not names[0] & names[1] and names[1] == names[2]
