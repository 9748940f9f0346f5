"""What a config says of the hands that its network is trained on."""

import pytest
from mmengine.config import Config

from handkd.apis.inference_config import trained_side


@pytest.mark.parametrize(
    ('datasets', 'side'),
    [
        ([dict(type='FreiHANDDataset')], 'right'),
        ([dict(type='STBDataset')], 'left'),
        ([dict(type='LMDataset'), dict(type='HO3DDataset')], 'right'),
        ([dict(type='LMDataset', side='left'), dict(type='HO3DDataset')], 'both'),
        ([dict(type='DexYCBDataset', sides=('right',))], 'right'),
        ([dict(type='DexYCBDataset')], 'both'),
        ([dict(type='RHDDataset')], 'both'),
        ([dict(type='HandFolderDataset')], 'both'),
        ([dict(type='CocoHandDataset', side='right')], 'both'),
        ([dict(type='StudioDataset', sides=['left'])], 'left'),
        ([dict(type='PackedHandDataset', recipe=dict(source=dict(type='STBDataset')))], 'left'),
        ([dict(type='STBDataset', pipeline=[dict(type='RandomHandFlip', horizontal=0.5)])], 'both'),
        ([], 'both'),
    ],
)
def test_the_side_of_the_training_set(datasets, side):
    dataset = dict(type='MixedDataset', datasets=datasets) if len(datasets) != 1 else datasets[0]
    assert trained_side(Config(dict(train_dataloader=dict(dataset=dataset)))) == side
