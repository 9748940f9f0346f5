"""Normalisation against a NumPy transcription, for every way that a batch can arrive."""

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmpose.structures import PoseDataSample

from handkd.models.data_preprocessors import HandDataPreprocessor
from handkd.registry import MODELS

MEAN, STD = np.array([123.675, 116.28, 103.53]), np.array([58.395, 57.12, 57.375])


def images(count=5, height=7, width=6, seed=0):
    """Return BGR pictures (H, W, 3) and depth maps (H, W)."""
    rng = np.random.default_rng(seed)
    shape = (count, height, width)
    return rng.integers(0, 256, (*shape, 3), dtype=np.uint8), rng.uniform(-1, 1, shape).astype(np.float32)


def samples(rgb, depth):
    """Return them as the loader hands them on: views of (H, W, 3) images, in lists."""
    return pseudo_collate(
        [
            dict(
                inputs=dict(rgb=torch.from_numpy(picture).permute(2, 0, 1), depth=torch.from_numpy(z)[None]),
                data_samples=PoseDataSample(metainfo=dict(img_id=i)),
            )
            for i, (picture, z) in enumerate(zip(rgb, depth))
        ]
    )


def expected(rgb, mean=MEAN, std=STD, reverse=True):
    pixels = (rgb[..., ::-1] if reverse else rgb).astype(np.float64)
    return ((pixels - mean) / std).transpose(0, 3, 1, 2)


@pytest.mark.parametrize('channels_last', [True, False])
@pytest.mark.parametrize('arrival', ['views', 'planes', 'batch', 'batch of rows'])
def test_against_numpy(arrival, channels_last):
    rgb, depth = images()
    data = samples(rgb, depth)
    if arrival == 'planes':
        data['inputs']['rgb'] = [image.contiguous() for image in data['inputs']['rgb']]
    elif arrival != 'views':
        batch = torch.from_numpy(rgb).permute(0, 3, 1, 2)
        data['inputs'] = dict(
            rgb=batch.contiguous() if arrival == 'batch' else batch, depth=torch.from_numpy(depth)[:, None]
        )
    result = HandDataPreprocessor(channels_last=channels_last)(data)
    found = result['inputs']
    assert found['rgb'].dtype == found['depth'].dtype == torch.float32
    np.testing.assert_allclose(found['rgb'].numpy(), expected(rgb), atol=1e-6)
    np.testing.assert_array_equal(found['depth'].numpy(), depth[:, None])
    layout = torch.channels_last if channels_last else torch.contiguous_format
    assert all(tensor.is_contiguous(memory_format=layout) for tensor in found.values())
    assert result['data_samples'] is data['data_samples']


@pytest.mark.parametrize('reverse', [True, False])
def test_statistics_of_both_modalities(reverse):
    rgb, depth = images()
    preprocessor = HandDataPreprocessor(
        rgb=dict(mean=[1, 2, 3], std=[4, 5, 6]), depth=dict(mean=[0.25], std=[2]), bgr_to_rgb=reverse
    )
    found = preprocessor(samples(rgb, depth))['inputs']
    np.testing.assert_allclose(found['rgb'], expected(rgb, [1, 2, 3], [4, 5, 6], reverse), rtol=1e-6, atol=1e-5)
    np.testing.assert_allclose(found['depth'][:, 0], (depth - 0.25) / 2, atol=1e-7)


def test_without_statistics():
    rgb, depth = images()
    found = HandDataPreprocessor(rgb=None)(samples(rgb, depth))['inputs']['rgb']
    np.testing.assert_array_equal(found.numpy(), rgb[..., ::-1].transpose(0, 3, 1, 2))


@pytest.mark.parametrize('reverse', [True, False])
@pytest.mark.parametrize('rgb', [None, dict(mean=[1, 2, 3], std=[4, 5, 6])])
def test_backgrounds_are_normalised_like_images_and_both_come_back(rgb, reverse):
    pictures, _ = images()
    preprocessor = HandDataPreprocessor(rgb=rgb, bgr_to_rgb=reverse)
    batch = torch.from_numpy(pictures).permute(0, 3, 1, 2)
    found = preprocessor(dict(inputs=dict(rgb=batch, background=batch.flip(0))))['inputs']
    assert torch.equal(found['background'], found['rgb'].flip(0))
    assert torch.equal(preprocessor.to_pixels(found['rgb']), batch)
    assert torch.equal(preprocessor.to_pixels(found['rgb'].bfloat16() * 1e4 + 1e4).unique(), torch.tensor([255]).byte())


@pytest.mark.parametrize('as_batch', [True, False])
def test_inputs_are_not_written_to(as_batch):
    rgb, depth = images()
    data = samples(rgb, depth)
    if as_batch:
        data['inputs'] = dict(depth=torch.from_numpy(depth.copy())[:, None])
    statistics = dict(mean=[0.5], std=[2.0])
    HandDataPreprocessor(depth=statistics)(data)
    np.testing.assert_array_equal(torch.stack(list(data['inputs']['depth']))[:, 0], depth)


def test_batches_move_to_the_device():
    preprocessor = HandDataPreprocessor(depth=dict(mean=[0.0], std=[1.0])).to('meta')
    found = preprocessor(samples(*images()))['inputs']
    assert {tensor.device.type for tensor in found.values()} == {'meta'}
    assert found['rgb'].shape == (5, 3, 7, 6)


def test_no_samples_and_one_modality():
    rgb, _ = images()
    result = HandDataPreprocessor()(dict(inputs=dict(rgb=torch.from_numpy(rgb).permute(0, 3, 1, 2))))
    assert list(result['inputs']) == ['rgb'] and result['data_samples'] is None


def test_nothing_goes_into_checkpoints():
    assert not HandDataPreprocessor(depth=dict(mean=[0.0], std=[1.0])).state_dict()


@pytest.mark.parametrize(
    ('inputs', 'message'),
    [
        (None, 'found NoneType; the pipeline must end with PackHandInputs'),
        ({}, 'found none'),
        ([torch.zeros(3, 4, 4)], 'found list'),
        (dict(deph=[torch.zeros(1, 4, 4)]), "no modality 'deph'"),
        (dict(rgb=[torch.zeros(3, 4, 6), torch.zeros(3, 5, 4)]), r'one size, found 4 x 5, 6 x 4 \(width x height\)'),
        (dict(rgb=[torch.zeros(1, 4, 4)] * 2), r'images \(3, H, W\), found \[\(1, 4, 4\)\]'),
        (dict(depth=torch.zeros(2, 4, 4)), r'images \(1, H, W\), found \[\(4, 4\)\]'),
        (dict(rgb=[torch.zeros(3, 4, 4)]), "1 images of modality 'rgb' for 2 samples"),
    ],
)
def test_bad_batches(inputs, message):
    with pytest.raises(ValueError, match=message):
        HandDataPreprocessor()(dict(inputs=inputs, data_samples=[PoseDataSample(), PoseDataSample()]))


@pytest.mark.parametrize(
    'settings',
    [
        dict(rgb=dict(mean=[1, 2, 3])),
        dict(rgb=dict(mean=[1], std=[1])),
        dict(depth=dict(mean=[1, 2, 3], std=[1, 2, 3])),
        dict(depth=dict(mean=[0.0], std=[0.0])),
        dict(depth=dict(mean=[0.0], sdt=[1.0])),
    ],
)
def test_bad_statistics(settings):
    with pytest.raises(ValueError, match='HandDataPreprocessor: .*found'):
        HandDataPreprocessor(**settings)


def test_it_is_built_by_name():
    assert isinstance(MODELS.build(dict(type='HandDataPreprocessor')), HandDataPreprocessor)


def test_one_modality_alone_as_a_tensor():
    data = samples(*images())
    whole = HandDataPreprocessor()(data)['inputs']['rgb']
    assert torch.equal(HandDataPreprocessor(only='rgb')(data)['inputs'], whole)
    with pytest.raises(ValueError, match=r"only='rgb'\): the batch holds \['depth'\] alone"):
        HandDataPreprocessor(only='rgb')(dict(inputs=dict(depth=data['inputs']['depth'])))
    with pytest.raises(ValueError, match="no modality 'infrared'"):
        HandDataPreprocessor(only='infrared')
