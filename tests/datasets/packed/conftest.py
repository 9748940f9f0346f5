"""A small data set, and packs of it."""

import numpy as np
import pytest
from mmengine.registry import init_default_scope

from handkd.datasets.packed import Packer, PackSettings, margin_for
from handkd.studio import StudioDataset

CONFIG = dict(type='StudioDataset', split='train', length=10)
MODALITIES = ('rgb', 'depth', 'mask', 'parts')


@pytest.fixture(autouse=True)
def scope():
    """Pipelines are found in handkd's registries."""
    init_default_scope('handkd')


class Photographs(StudioDataset):
    """Ten images of 240 px that show more than the hand, some of which can be made unreadable; counts its reads."""

    METAINFO = dict(StudioDataset.METAINFO, joint0='palm')

    def __init__(self, length=10, damaged=(), seed=0):
        super().__init__(
            'train', length, seed, resolution=240, factor=3.0, crop_noise=dict(shift=0.05), background_depth=True
        )
        self.damaged, self.reads = damaged, []

    def get_data_info(self, index):
        self.reads.append(index)
        if index in self.damaged:
            raise OSError(f"'color/{index:05d}.png' is cut off")
        sample = super().get_data_info(index)
        sample['img_path'] = 'color/' + 'é' * index + '.png'
        return sample


@pytest.fixture(scope='session')
def make_source():
    return Photographs


@pytest.fixture(scope='session')
def make_pack():
    """Return a function that packs a source into a folder, four samples a shard."""

    def make(source, folder, workers=0, config=CONFIG, **settings):
        settings = dict(margin=margin_for(), size=160, shard=4) | settings
        return Packer(source, config, folder, PackSettings(**settings)).run(workers)

    return make


@pytest.fixture(scope='session')
def pack(make_source, make_pack, tmp_path_factory):
    """The folder of a memory-mapped pack of ``Photographs()``."""
    folder = tmp_path_factory.mktemp('packed') / 'pack'
    make_pack(make_source(), folder)
    return folder


@pytest.fixture(scope='session')
def stream(make_source, make_pack, tmp_path_factory):
    """The folder of a streaming pack of ``Photographs(length=13)``, two samples a shard."""
    folder = tmp_path_factory.mktemp('streamed') / 'pack'
    make_pack(make_source(13), folder, format='webdataset', shard=2, size=64)
    return folder


@pytest.fixture(scope='session')
def assert_same_labels():
    """Return a function that compares all but the pixels of two samples: values, types, and which there are."""

    def check(found, expected, where='sample'):
        pixels = {'img', 'depth', 'hand_mask', 'part_seg'}
        assert found.keys() - pixels == expected.keys() - pixels
        for key in expected.keys() - pixels:
            if isinstance(expected[key], dict):
                check(found[key], expected[key], key)
            elif isinstance(expected[key], np.ndarray):
                assert found[key].dtype == expected[key].dtype, (where, key)
                np.testing.assert_array_equal(found[key], expected[key], err_msg=key)
            else:
                assert found[key] == expected[key] and type(found[key]) is type(expected[key]), (where, key)

    return check
