"""Views as MMEngine's loops pass them: the truth in the loader's batch, the network's images in the samples."""

import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from mmpose.structures import PoseDataSample

from handkd.registry import METRICS

SHOWN = ('synthesised', 'unrotated', 'background', 'other_view')


def names(region):
    """The numbers in order: of each image that is shown, then the gain."""
    return [f'views/{what}/{name}' for what in SHOWN for name in ('MAE', region, 'PSNR')] + [
        f'views/gain/{name}' for name in ('MAE', region)
    ]


def make_batch(seed, groups, singles=0, masked=True):
    """What the loader gives, and what the network makes of it: noise throughout."""
    generator = torch.Generator().manual_seed(seed)
    count = 4 * groups + singles
    images = torch.randint(0, 256, (4, count, 3, 5, 6), dtype=torch.uint8, generator=generator)
    masks = torch.rand((count, 1, 5, 6), generator=generator) < 0.4
    samples = []
    for i in range(count):
        samples.append(PoseDataSample(metainfo=dict(view_group=i // 4 if i < 4 * groups else -1)))
        if masked:
            samples[-1].gt_fields = PixelData(hand_mask=masks[i])
        if i < 4 * groups:
            samples[-1].pred_fields = PixelData(rgb=images[2, i].numpy(), unrotated=images[3, i].numpy())
    batch = dict(inputs=dict(rgb=list(images[0]), background=list(images[1])), data_samples=samples)
    return batch, [sample.to_dict() for sample in samples]


def evaluate(batches, size=1000, **settings):
    metric = METRICS.build(dict(type='ViewSynthesisMetric', **settings))
    for batch in batches:
        metric.process(*batch)
    return metric.evaluate(size)


@pytest.mark.parametrize('masked', [True, False])
def test_its_numbers_are_those_of_the_definition(masked):
    """Written again, pixel by pixel."""
    batches = [make_batch(0, 2, singles=3, masked=masked), make_batch(1, 1, masked=masked)]
    rows = []
    for batch, samples in batches:
        rgb, behind = ([image.double().numpy() for image in batch['inputs'][name]] for name in ('rgb', 'background'))
        for i, sample in enumerate(samples):
            if sample['view_group'] < 0:
                continue
            partner = {0: 1, 1: 0, 2: 3, 3: 2}[i % 4] + i // 4 * 4
            row = []
            made = (sample['pred_fields'][name].astype(float) for name in ('rgb', 'unrotated'))
            for shown in (*made, behind[i], rgb[partner]):
                everywhere, there = [], []
                for y in range(5):
                    for x in range(6):
                        off = [shown[c, y, x] - rgb[i][c, y, x] for c in range(3)]
                        everywhere += off
                        if masked:
                            counts = bool(sample['gt_fields']['hand_mask'][0, y, x])
                        else:
                            counts = max(abs(behind[i][c, y, x] - rgb[i][c, y, x]) for c in range(3)) > 24
                        there += off if counts else []
                power = sum(value**2 for value in everywhere) / 90
                row += [np.abs(everywhere).mean(), np.abs(there).mean(), 20 * np.log10(255) - 10 * np.log10(power)]
            rows.append([*row, row[3] - row[0], row[4] - row[1]])
    assert len(rows) == 12
    numbers = evaluate(batches)
    assert sorted(numbers) == sorted(names('hand_MAE' if masked else 'changed_MAE'))
    expected = dict(zip(names('hand_MAE' if masked else 'changed_MAE'), np.mean(rows, 0)))
    assert numbers == pytest.approx(expected, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize('masked', [True, False])
def test_a_network_that_makes_no_hand_is_found_out(masked):
    """The hand is a few pixels: over the whole image, the background without it is nearly right."""
    batch, samples = make_batch(2, 1, masked=masked)
    hand = np.zeros((5, 6), bool)
    hand[2, 3:5] = True
    for i, sample in enumerate(samples):
        batch['inputs']['background'][i].fill_(100)
        batch['inputs']['rgb'][i] = torch.from_numpy(np.where(hand, 190, 100 + i % 2)).expand(3, 5, 6).to(torch.uint8)
        sample['pred_fields'] = dict(
            rgb=np.broadcast_to(np.where(hand, 180, 100), (3, 5, 6)).astype(np.uint8),
            unrotated=np.full((3, 5, 6), 100, np.uint8),
        )
        if masked:
            sample['gt_fields']['hand_mask'] = torch.from_numpy(hand[None])
    numbers = evaluate([(batch, samples)])
    region = 'hand_MAE' if masked else 'changed_MAE'
    on_hand = [numbers[f'views/{what}/{region}'] for what in SHOWN]
    assert on_hand == [10, 90, 90, 0]
    assert numbers[f'views/gain/{region}'] == 80
    assert numbers['views/background/MAE'] == pytest.approx((2 * 90 + 28 * 0.5) / 30)
    assert numbers['views/gain/MAE'] == pytest.approx(80 * 2 / 30)
    for sample in samples:
        sample['pred_fields']['rgb'] = sample['pred_fields']['unrotated']
    assert evaluate([(batch, samples)])[f'views/gain/{region}'] == 0


def test_images_without_a_hand_do_not_count_on_it():
    batch, samples = make_batch(3, 1)
    rest = evaluate([(batch, samples)], size=4)
    samples[0]['gt_fields']['hand_mask'] = torch.zeros((1, 5, 6), dtype=torch.bool)
    fewer = evaluate([(batch, samples)])
    assert fewer['views/synthesised/MAE'] == rest['views/synthesised/MAE']
    assert fewer['views/synthesised/hand_MAE'] != rest['views/synthesised/hand_MAE']
    for sample in samples:
        sample['gt_fields']['hand_mask'] = samples[0]['gt_fields']['hand_mask']
    assert 'views/synthesised/MAE' in evaluate([(batch, samples)])
    assert not any('hand_MAE' in name for name in evaluate([(batch, samples)]))


def test_an_image_without_error():
    batch, samples = make_batch(2, 1)
    samples[0]['pred_fields']['rgb'] = batch['inputs']['rgb'][0].numpy()
    assert evaluate([(batch, samples)])['views/synthesised/PSNR'] == np.inf


def test_a_small_set_does_not_cut_off_what_was_measured():
    """MMEngine keeps as many results as the set has samples; batches may draw these several times."""
    batches = [make_batch(seed, 1) for seed in range(3)]
    assert evaluate(batches, size=3) == evaluate(batches)


def test_each_image_s_numbers_are_written(tmp_path):
    numbers = evaluate([make_batch(0, 1), make_batch(1, 2)], dump=str(tmp_path / 'new' / 'views.npz'))
    with np.load(tmp_path / 'new' / 'views.npz') as file:
        assert file['shown'].tolist() == list(SHOWN)
        assert file['MAE'].shape == file['PSNR'].shape == file['hand_MAE'].shape == (12, 4)
        for name in ('MAE', 'PSNR', 'hand_MAE'):
            means = [numbers[f'views/{what}/{name}'] for what in SHOWN]
            np.testing.assert_allclose(file[name].mean(0), means)


def test_what_is_missing_is_named():
    needs = r'it needs a ViewSynthesizer, .*ViewGroupSampler, and PackHandInputs\(modalities='
    with pytest.raises(ValueError, match=f'0 of 3 samples .*{needs}'):
        evaluate([make_batch(0, 0, singles=3)])
    batch, samples = make_batch(0, 1)
    del batch['inputs']['background']
    with pytest.raises(ValueError, match=rf"4 of 4 .* batch has \['rgb'\]: {needs}"):
        evaluate([(batch, samples)])
    samples[0]['pred_fields'] = dict(part_seg=samples[0]['pred_fields']['rgb'][:1])
    with pytest.raises(ValueError, match='3 of 4'):
        evaluate([(batch, samples)])
    with pytest.raises(ValueError, match="'hand_mask' is in gt_fields of some batches only"):
        evaluate([make_batch(0, 1), make_batch(0, 1, masked=False)])
    with pytest.raises(ValueError, match='the loader has no batch'):
        evaluate([])
