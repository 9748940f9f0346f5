"""Depth and masks are added to a test set that has them, wherever its pipeline needs it."""

import copy

import numpy as np
import pytest

from handkd.apis.privileged import with_depth, with_hand_mask
from handkd.datasets import ReproducibleDataset
from handkd.datasets.transforms import HandMaskFromDepth
from handkd.registry import DATASETS
from handkd.studio import StudioDataset

RENDERED = dict(split='test', length=2, resolution=48, modalities=('rgb', 'depth'))
PACK = dict(type='PackHandInputs', modalities=['rgb'])
KEYS = {'rgb': 'img', 'depth': 'depth', 'mask': 'hand_mask'}


@DATASETS.register_module()
class OfferingHands(ReproducibleDataset):
    """Rendered hands of which it offers and gives some modalities."""

    def __init__(self, offers, modalities=('rgb',), joint0='wrist', pipeline=()):
        super().__init__(pipeline)
        if set(modalities) - set(offers):
            raise ValueError(f'no {modalities} among {offers}')
        self.modalities, self.joint0, self.source = modalities, joint0, StudioDataset(**RENDERED)

    def __len__(self):
        return len(self.source)

    @property
    def metainfo(self):
        return dict(joint0=self.joint0)

    def get_data_info(self, index):
        sample = self.source.get_data_info(index)
        for modality in set(KEYS) - set(self.modalities):
            del sample[KEYS[modality]]
        if self.joint0 == 'palm':
            joints = sample['keypoints_cam']
            joints[:, 0] = (joints[:, 0] + joints[:, 9]) / 2
        return sample


def settings_of(offers, pipeline=(PACK,), **others) -> dict:
    return dict(type='OfferingHands', offers=offers, modalities=['rgb'], pipeline=list(pipeline), **others)


def masks_of(settings) -> list[np.ndarray]:
    return [item['data_samples'].gt_fields.hand_mask[0].numpy() for item in DATASETS.build(settings)]


def mask_from_depth(index: int) -> np.ndarray:
    """The mask as the transform alone finds it."""
    return HandMaskFromDepth()(StudioDataset(**RENDERED).get_data_info(index))['hand_mask']


def test_masks_come_from_depth_even_if_there_are_others():
    given = settings_of(['rgb', 'depth', 'mask'])
    before = copy.deepcopy(given)
    for index, mask in enumerate(masks_of(with_hand_mask(given))):
        np.testing.assert_array_equal(mask, mask_from_depth(index))
    assert given == before


def test_masks_are_found_before_depth_leaves_its_millimetres():
    cube = dict(type='DepthToCube', cube=300.0)
    given = settings_of(['rgb', 'depth'], [cube, dict(PACK, modalities=['depth'])]) | dict(modalities=['depth'])
    found = with_hand_mask(given)
    assert [step['type'] for step in found.pipeline] == ['HandMaskFromDepth', 'DepthToCube', 'PackHandInputs']
    np.testing.assert_array_equal(masks_of(found)[1], mask_from_depth(1))


@pytest.mark.parametrize(('joint0', 'told'), [('palm', 'palm'), ('wrist_ring2.0', 'wrist')])
def test_the_transform_is_told_what_joint_0_is(joint0, told):
    found = with_hand_mask(settings_of(['rgb', 'depth'], joint0=joint0))
    assert found.pipeline[0] == dict(type='HandMaskFromDepth', joint0=told)
    if told == 'palm':
        np.testing.assert_array_equal(masks_of(found)[0], mask_from_depth(0))


def test_a_set_without_depth_gives_its_own_masks():
    found = with_hand_mask(settings_of(['rgb', 'mask']))
    assert [step['type'] for step in found.pipeline] == ['PackHandInputs']
    for index, mask in enumerate(masks_of(found)):
        np.testing.assert_array_equal(mask, StudioDataset(**RENDERED).get_data_info(index)['hand_mask'])


def test_a_pipeline_that_packs_masks_is_left_alone():
    given = settings_of(['rgb', 'mask'], [dict(PACK, fields=['hand_mask'])])
    assert with_hand_mask(given) is given


def test_the_studio_renders_depth_for_it():
    studio = dict(type='StudioDataset', **RENDERED | dict(modalities=['rgb']), pipeline=[PACK])
    np.testing.assert_array_equal(masks_of(with_hand_mask(studio))[1], mask_from_depth(1))


def test_a_set_with_neither_is_named():
    with pytest.raises(ValueError, match='OfferingHands: the test set has neither depth nor masks of the hand'):
        with_hand_mask(settings_of(['rgb']))
    with pytest.raises(ValueError, match="must end with PackHandInputs, found 'DepthToCube'"):
        with_hand_mask(settings_of(['rgb', 'depth'], [dict(type='DepthToCube')]))


def test_depth_is_packed_beside_what_the_network_sees():
    found = with_depth(settings_of(['rgb', 'depth']))
    item = DATASETS.build(found)[0]
    depth = StudioDataset(**RENDERED).get_data_info(0)['depth']
    assert sorted(item['inputs']) == ['depth', 'rgb']
    packed, (centre, cube) = item['inputs']['depth'][0].numpy(), item['data_samples'].depth_cube
    inside = (depth > 0) & (abs(packed) < 1)
    assert inside.sum() > 200
    np.testing.assert_allclose(packed[inside] * cube / 2 + centre, depth[inside], atol=1e-2)
    assert with_depth(settings_of(['rgb', 'mask'])) is None


def test_a_set_of_several_has_none_of_them():
    rendered = dict(RENDERED, type='StudioDataset', pipeline=[PACK])
    joined = dict(type='JoinedDataset', datasets=[rendered, dict(rendered, seed=1)], names=['a', 'b'])
    assert with_depth(joined) is None
    with pytest.raises(ValueError, match='JoinedDataset: the pipeline of the test set must end with PackHandInputs'):
        with_hand_mask(joined)
