"""Figures of a stand-in network whose errors are known."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from handkd.apis.domain_gap import bone_ratios, measure_gap
from handkd.apis.labelled_photos import LabelledPhoto
from handkd.commands.gap import studio_norms
from handkd.hand import BONES
from handkd.studio import StudioDataset


@pytest.fixture(scope='module')
def norms():
    return studio_norms(300)


@pytest.fixture(scope='module')
def hands():
    data = StudioDataset(split='train', length=6, modalities=())
    return [data.get_labels(i) for i in range(6)]


class Known:
    """A network that gives the hands of a list, with the image's number as the pixels' value."""

    def __init__(self, answers):
        self.answers = answers

    def read(self, path):
        return type('Image', (), dict(pixels=np.full((9, 9, 3), int(path), np.uint8)))

    network = SimpleNamespace(
        facts=SimpleNamespace(
            name='known', joints=range(21), pixels=True, trained_on='both', crop=SimpleNamespace(border=0)
        )
    )

    def one(self, image, box, side=None):
        pixels = image if isinstance(image, np.ndarray) else image.pixels
        return self.answers[pixels[len(pixels) // 2, len(pixels) // 2, 0]]


def photos_of(hands):
    return [
        LabelledPhoto(
            i, one['keypoints'][0].astype(float), one['keypoints_cam'][0], (-21, -46, 50, 100), one['hand_side']
        )
        for i, one in enumerate(hands)
    ]


def answers_of(hands, pixels=0.0, factor=0.01):
    return [
        dict(
            keypoints=one['keypoints'][0] + [pixels, 0],
            keypoints_3d=(one['keypoints_cam'][0] - one['keypoints_cam'][0, 0]) * factor,
            side=one['hand_side'],
        )
        for one in hands
    ]


def test_a_perfect_network_has_no_error_and_plausible_hands(hands, norms):
    figures, found = measure_gap(Known(answers_of(hands)), photos_of(hands), norms)
    assert figures['EPE, %'] == pytest.approx(0, abs=1e-5) and figures['PCK@0.05, %'] == 100
    assert figures['EPE at known wrist and scale, mm'] == pytest.approx(0, abs=1e-3)
    assert figures['side found, %'] == 100 and figures['angles out of bounds, %'] == 0
    assert figures['implausible bones, %'] < 2 and len(found) == 6


def test_errors_are_relative_to_the_box_and_to_the_scale(hands, norms):
    answers = answers_of(hands, pixels=8.0)
    answers[0]['side'] = {'left': 'right', 'right': 'left'}[answers[0]['side']]
    tip = answers[1]['keypoints_3d']
    tip[8] += [0.21, 0, 0]  # units of 100 mm: 21 mm at one of 21 joints in one of 6 photographs
    figures, _ = measure_gap(Known(answers), photos_of(hands), norms)
    assert figures['EPE, %'] == pytest.approx(8) and figures['PCK@0.05, %'] == 0 and figures['PCK@0.1, %'] == 100
    assert figures['EPE at known wrist and scale, mm'] == pytest.approx(1 / 6, rel=1e-4)
    assert figures['side found, %'] == pytest.approx(100 * 5 / 6)


def test_a_finger_that_is_too_long_is_implausible(hands, norms):
    answers = answers_of(hands)
    for answer in answers:
        answer['keypoints_3d'][8] += 2 * (answer['keypoints_3d'][8] - answer['keypoints_3d'][7])
    figures, _ = measure_gap(Known(answers), photos_of(hands), norms)
    before, _ = measure_gap(Known(answers_of(hands)), photos_of(hands), norms)
    assert figures['implausible bones, %'] - before['implausible bones, %'] == pytest.approx(100 / 20)


def test_a_network_in_the_image_has_no_figures_in_space(hands, norms):
    answers = [answer | dict(keypoints_3d=None, side=None) for answer in answers_of(hands)]
    figures, _ = measure_gap(Known(answers), photos_of(hands), norms)
    assert not [name for name in figures if 'mm' in name or 'bones' in name or 'side' in name]


def test_ratios_of_bones():
    joints = np.zeros((1, 21, 3))
    joints[0, :, 0] = np.arange(21) * 10.0
    lengths = [10.0 * (child - parent) for parent, child in BONES]
    np.testing.assert_allclose(bone_ratios(joints)[0], np.array(lengths) / 90)


def test_joints_without_truth_are_not_measured(hands, norms):
    photos = photos_of(hands)
    answers = answers_of(hands)
    photos[0] = replace(photos[0], guessed=True)
    photos[1].keypoints[3:] = np.nan
    answers[0]['keypoints'] = answers[0]['keypoints'] + 99
    answers[1]['keypoints'][:3] += [30, 0]
    answers[1]['keypoints'][3:] += 99
    figures, _ = measure_gap(Known(answers), photos, norms)
    assert figures['EPE, %'] == pytest.approx(3 * 30 / (3 + 4 * 21))
    assert figures['PCK@0.2, %'] == pytest.approx(100 * 84 / 87)
    figures, _ = measure_gap(Known(answers), photos[:1], norms)
    assert not [name for name in figures if 'PCK' in name] and 'changes with rotation, %' in figures


def test_a_network_with_other_joints_is_refused(hands, norms):
    other = Known([])
    other.network = SimpleNamespace(facts=SimpleNamespace(name='nyu', joints=range(14)))
    with pytest.raises(ValueError, match='nyu: expected 21 joints'):
        measure_gap(other, photos_of(hands), norms)
