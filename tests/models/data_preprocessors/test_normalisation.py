"""Turning one network's images into another's, against what their preprocessors make of the same pixels."""

import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmengine.model import BaseDataPreprocessor
from mmpose.models import PoseDataPreprocessor
from mmpose.structures import PoseDataSample
from torch import nn

from handkd.hints import ConfigError
from handkd.models.data_preprocessors import HandDataPreprocessor
from handkd.models.data_preprocessors.normalisation import Normalisation, normalisation_of, renormalise

GREY = dict(mean=(127.5,) * 3, std=(255.0,) * 3)
TINTED = dict(mean=(10.0, 20.0, 30.0), std=(2.0, 5.0, 9.0))
HANDS = {
    'imagenet': {},
    'grey': dict(rgb=GREY),
    'tinted': dict(rgb=TINTED, depth=dict(mean=(0.25,), std=(0.5,))),
    'unturned': dict(rgb=TINTED, bgr_to_rgb=False),
    'raw': dict(rgb=None),
    'raw, unturned': dict(rgb=None, bgr_to_rgb=False),
}


@pytest.fixture
def pixels():
    generator = torch.Generator().manual_seed(4)
    return {
        'rgb': torch.randint(0, 256, (2, 3, 5, 4), dtype=torch.uint8, generator=generator),
        'depth': torch.rand(2, 1, 5, 4, generator=generator) * 2 - 1,
    }


def normalised(preprocessor, pixels):
    return preprocessor(dict(inputs=pixels))['inputs']


@pytest.mark.parametrize('wanted', HANDS)
@pytest.mark.parametrize('given', HANDS)
def test_what_handkds_preprocessors_make_of_the_same_pixels(pixels, given, wanted):
    first, second = (HandDataPreprocessor(**HANDS[name]) for name in (given, wanted))
    images, expected = normalised(first, pixels), normalised(second, pixels)
    for modality in pixels:
        ways = [normalisation_of(preprocessor, modality, 'it') for preprocessor in (first, second)]
        found = renormalise(images[modality], *ways)
        torch.testing.assert_close(found, expected[modality], rtol=2e-6, atol=2e-5)
        assert (found is images[modality]) == ways[0].matches(ways[1])
        if given == wanted:
            assert found is images[modality]


@pytest.mark.parametrize(
    'settings',
    [
        dict(mean=[10.0, 20.0, 30.0], std=[2.0, 5.0, 9.0], bgr_to_rgb=True),
        dict(mean=[10.0, 20.0, 30.0], std=[2.0, 5.0, 9.0]),
        dict(mean=[100.0], std=[50.0]),
        dict(rgb_to_bgr=True),
        dict(),
    ],
)
def test_what_mmposes_preprocessor_makes_of_them(pixels, settings):
    theirs = PoseDataPreprocessor(**settings)
    samples = [dict(inputs=image, data_samples=PoseDataSample()) for image in pixels['rgb']]
    expected = theirs(pseudo_collate(samples))['inputs']
    images = normalised(HandDataPreprocessor(), pixels)['rgb']
    ways = [normalisation_of(preprocessor, 'rgb', 'it') for preprocessor in (HandDataPreprocessor(), theirs)]
    torch.testing.assert_close(renormalise(images, *ways), expected.float(), rtol=2e-6, atol=2e-5)


def test_the_same_statistics_are_the_same_in_mmposes_preprocessor():
    theirs = PoseDataPreprocessor([123.675, 116.28, 103.53], [58.395, 57.12, 57.375], bgr_to_rgb=True)
    images = torch.rand(1, 3, 2, 2)
    ours = normalisation_of(HandDataPreprocessor(), 'background', 'it')
    assert renormalise(images, ours, normalisation_of(theirs, 'background', 'it')) is images


def test_what_can_not_be_known_is_refused_in_one_line():
    for preprocessor, modality, message in (
        (nn.Identity(), 'rgb', 'the teacher: how its data_preprocessor Identity normalises rgb is not known'),
        (PoseDataPreprocessor(pad_size_divisor=32), 'rgb', r'the teacher: .*PoseDataPreprocessor pads images .*=32\)'),
        (PoseDataPreprocessor([1, 2, 3], [1, 1, 1]), 'depth', 'statistics of 3 channels, but depth has 1'),
    ):
        with pytest.raises(ConfigError, match=message) as caught:
            normalisation_of(preprocessor, modality, 'the teacher')
        assert '\n' not in str(caught.value)
    with pytest.raises(ValueError, match="no modality 'mask'; expected some of"):
        HandDataPreprocessor().normalisation('mask')


def test_without_statistics_values_stay_as_they_are():
    for preprocessor in (None, BaseDataPreprocessor()):
        assert normalisation_of(preprocessor, 'depth', 'it') == Normalisation()
    assert str(Normalisation()) == 'values as they are'
    assert str(HandDataPreprocessor(rgb=TINTED).normalisation('rgb')) == (
        'mean [10.0, 20.0, 30.0], std [2.0, 5.0, 9.0], channels reversed'
    )
