import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from mmpose.structures import PoseDataSample

from handkd.models.distillers import BackgroundSuppression, DistillContext, background_energy, background_mask


def sample(mask, **meta):
    one = PoseDataSample(metainfo=meta)
    one.gt_fields = PixelData(hand_mask=torch.from_numpy(mask[None]))
    return one


def context(features, masks):
    samples = [sample(mask, img_id=i) for i, mask in enumerate(masks)]
    return DistillContext({'last': features}, {}, {}, samples)


def boxes(count, seed=0):
    rng = np.random.default_rng(seed)
    masks = np.zeros((count, 32, 32), bool)
    for mask in masks:
        x, y = rng.integers(0, 24, 2)
        mask[y : y + rng.integers(1, 8), x : x + rng.integers(1, 8)] = True
    return masks


def transcribed(features, masks, reduction):
    """Eq. 3, cell by cell: M_h is 1 where none of a cell's 8x8 pixels is on the hand."""
    energies = []
    for feature, mask in zip(features, masks):
        total = 0.0
        for row in range(4):
            for column in range(4):
                outside = not mask[8 * row : 8 * row + 8, 8 * column : 8 * column + 8].any()
                total += sum((feature[channel, row, column] * outside) ** 2 for channel in range(len(feature)))
        energies.append(total / (feature.size if reduction == 'mean' else 1))
    return np.mean(energies)


@pytest.mark.parametrize('reduction', ['sum', 'mean'])
def test_it_is_the_equation(reduction):
    features, masks = np.random.default_rng(1).normal(size=(5, 3, 4, 4)), boxes(5)
    distiller = BackgroundSuppression('last', weight=0.5, reduction=reduction)
    loss = distiller(context(torch.from_numpy(features), masks))['background']
    assert loss.item() == pytest.approx(0.5 * transcribed(features, masks, reduction), rel=1e-6)


def test_what_lies_on_the_hand_costs_nothing_and_feels_nothing():
    mask = np.zeros((32, 32), bool)
    mask[8:24, 8:24] = True
    features = torch.ones(1, 2, 4, 4, requires_grad=True)
    on_hand = torch.zeros(1, 2, 4, 4)
    on_hand[:, :, 1:3, 1:3] = 7
    distiller = BackgroundSuppression('last')
    assert distiller(context(on_hand, [mask]))['background'] == 0
    assert distiller(context(7 - on_hand, [mask]))['background'] == 2 * 12 * 49
    distiller(context(features, [mask]))['background'].backward()
    assert torch.equal(features.grad == 0, on_hand == 7)


@pytest.mark.parametrize('size', [(4, 4), (6, 6), (5, 7), (32, 32)])
def test_no_pixel_of_a_finger_falls_into_the_background(size):
    for row, column in np.random.default_rng(0).integers(0, 32, (60, 2)):
        mask = torch.zeros(1, 1, 32, 32, dtype=torch.bool)
        mask[0, 0, row, column] = True
        outside = background_mask(mask, size)[0, 0]
        # Every cell that touches the pixel is the hand's, and no other one.
        rows = (np.arange(size[0]) * 32 / size[0], (np.arange(size[0]) + 1) * 32 / size[0])
        columns = (np.arange(size[1]) * 32 / size[1], (np.arange(size[1]) + 1) * 32 / size[1])
        touched = np.outer((rows[0] < row + 1) & (rows[1] > row), (columns[0] < column + 1) & (columns[1] > column))
        np.testing.assert_array_equal(outside.numpy() == 0, touched)


def test_a_mask_smaller_than_the_feature_map_is_refused():
    with pytest.raises(ValueError, match=r'\(8, 8\) is smaller than the feature map \(16, 16\)'):
        background_mask(torch.zeros(1, 1, 8, 8), (16, 16))


@pytest.mark.parametrize('fraction', [0.2, 0.8])
def test_a_fraction_is_a_fixed_choice_of_images(fraction):
    images = [sample(np.zeros((2, 2), bool), img_id=i) for i in range(4000)]

    def choice(**options):
        return [BackgroundSuppression('last', **options).chooses(image) for image in images]

    chosen = choice(fraction=fraction)
    assert np.mean(chosen) == pytest.approx(fraction, abs=0.02)
    assert choice(fraction=fraction) == chosen != choice(fraction=fraction, seed=1)
    assert all(choice())


def test_numbers_of_numpy_choose_as_pythons_do():
    distiller = BackgroundSuppression('last', fraction=0.5)
    mask = np.zeros((2, 2), bool)
    chosen = [distiller.chooses(sample(mask, img_id=i)) for i in range(50)]
    assert [distiller.chooses(sample(mask, img_id=np.int64(i))) for i in range(50)] == chosen


def test_images_that_are_not_chosen_need_no_mask_and_count_as_zero():
    features, masks = np.random.default_rng(1).normal(size=(8, 3, 4, 4)), boxes(8)
    distiller = BackgroundSuppression('last', fraction=0.5, seed=3)
    given = context(torch.from_numpy(features), masks)
    chosen = [i for i, one in enumerate(given.data_samples) if distiller.chooses(one)]
    for i in set(range(8)) - set(chosen):
        del given.data_samples[i].gt_fields
    assert 0 < len(chosen) < 8
    expected = transcribed(features[chosen], masks[chosen], 'sum') * len(chosen) / 8
    assert distiller(given)['background'].item() == pytest.approx(expected, rel=1e-6)
    nobody = [one for i, one in enumerate(given.data_samples) if i not in chosen]
    assert distiller(DistillContext({'last': torch.ones(len(nobody), 3, 4, 4)}, {}, {}, nobody))['background'] == 0


def test_a_hand_that_was_not_found_is_not_taken_for_background():
    features, masks = np.random.default_rng(1).normal(size=(2, 3, 4, 4)), boxes(2)
    masks[1] = False
    loss = BackgroundSuppression('last')(context(torch.from_numpy(features), masks))['background']
    assert loss.item() == pytest.approx(transcribed(features[:1], masks[:1], 'sum') / 2, rel=1e-6)


def test_energy_of_each_sample():
    features = torch.ones(2, 3, 2, 2) * torch.tensor([1.0, 2.0])[:, None, None, None]
    mask = torch.tensor([[1.0, 0.0], [0.0, 0.0]]).expand(2, 1, 2, 2)
    assert background_energy(features, mask).tolist() == [3, 12]
    assert background_energy(features, mask, 'mean').tolist() == [3 / 12, 12 / 12]


def test_errors():
    images = context(torch.zeros(1, 2, 4, 4), boxes(1))
    del images.data_samples[0].gt_fields
    with pytest.raises(ValueError, match="sample 0 has no 'hand_mask'.*HandMaskFromDepth"):
        BackgroundSuppression('last')(images)
    with pytest.raises(ValueError, match=r'student.last gives \(1, 5\), expected a feature map'):
        BackgroundSuppression('last')(context(torch.zeros(1, 5), boxes(1)))
    with pytest.raises(ValueError, match="needs each sample's 'img_id'"):
        BackgroundSuppression('last', fraction=0.5).chooses(sample(boxes(1)[0]))
    for options in (dict(fraction=0), dict(fraction=1.1), dict(reduction='avg')):
        with pytest.raises(ValueError, match=str(next(iter(options.values())))):
            BackgroundSuppression('last', **options)
