"""Views as MMEngine's loops pass them: the truth in the loader's batch, the network's images in the samples."""

import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from mmpose.structures import PoseDataSample

from handkd.registry import METRICS

NAMES = [f'views/{what}/{name}' for what in ('synthesised', 'background', 'other_view') for name in ('MAE', 'PSNR')]


def make_batch(seed, groups, singles=0):
    """What the loader gives, and what the network makes of it: noise throughout."""
    generator = torch.Generator().manual_seed(seed)
    count = 4 * groups + singles
    images = torch.randint(0, 256, (3, count, 3, 5, 6), dtype=torch.uint8, generator=generator)
    samples = []
    for i in range(count):
        samples.append(PoseDataSample(metainfo=dict(view_group=i // 4 if i < 4 * groups else -1)))
        if i < 4 * groups:
            samples[-1].pred_fields = PixelData(rgb=images[2, i].numpy())
    batch = dict(inputs=dict(rgb=list(images[0]), background=list(images[1])), data_samples=samples)
    return batch, [sample.to_dict() for sample in samples]


def evaluate(batches, size=1000, **settings):
    metric = METRICS.build(dict(type='ViewSynthesisMetric', **settings))
    for batch in batches:
        metric.process(*batch)
    return metric.evaluate(size)


def test_its_numbers_are_those_of_the_definition():
    batches = [make_batch(0, 2, singles=3), make_batch(1, 1)]
    rows = []
    for batch, samples in batches:
        rgb, behind = ([image.double().numpy() for image in batch['inputs'][name]] for name in ('rgb', 'background'))
        for i, sample in enumerate(samples):
            if sample['view_group'] < 0:
                continue
            partner = {0: 1, 1: 0, 2: 3, 3: 2}[i % 4] + i // 4 * 4
            row = []
            for shown in (sample['pred_fields']['rgb'].astype(float), behind[i], rgb[partner]):
                difference = shown - rgb[i]
                row += [abs(difference).mean(), 20 * np.log10(255) - 10 * np.log10((difference**2).mean())]
            rows.append(row)
    assert len(rows) == 12
    numbers = evaluate(batches)
    assert list(numbers) == NAMES
    np.testing.assert_allclose(list(numbers.values()), np.mean(rows, 0), rtol=1e-12)


def test_what_is_shown_is_told_apart():
    batch, samples = make_batch(2, 1)
    for i, sample in enumerate(samples):
        batch['inputs']['rgb'][i].fill_(100 + (50 if i % 2 else 0))
        batch['inputs']['background'][i] = batch['inputs']['rgb'][i] - 10
        sample['pred_fields']['rgb'] = np.full((3, 5, 6), 100 + (51 if i % 2 else 1), np.uint8)
    numbers = evaluate([(batch, samples)])
    assert [numbers[name] for name in NAMES[::2]] == [1, 10, 50]
    assert numbers['views/background/PSNR'] == pytest.approx(20 * np.log10(25.5))
    samples[0]['pred_fields']['rgb'][:] = 100
    assert evaluate([(batch, samples)])['views/synthesised/PSNR'] == np.inf


def test_a_small_set_does_not_cut_off_what_was_measured():
    """MMEngine keeps as many results as the set has samples; batches may draw these several times."""
    batches = [make_batch(seed, 1) for seed in range(3)]
    assert evaluate(batches, size=3) == evaluate(batches)


def test_each_image_s_numbers_are_written(tmp_path):
    numbers = evaluate([make_batch(0, 1), make_batch(1, 2)], dump=str(tmp_path / 'new' / 'views.npz'))
    with np.load(tmp_path / 'new' / 'views.npz') as file:
        assert file['shown'].tolist() == ['synthesised', 'background', 'other_view']
        assert file['MAE'].shape == file['PSNR'].shape == (12, 3)
        means = np.stack([file['MAE'], file['PSNR']], -1).mean(0).ravel()
    np.testing.assert_allclose(means, list(numbers.values()))


def test_what_is_missing_is_named():
    needs = r'it needs a ViewSynthesizer, .*ViewGroupSampler, and PackHandInputs\(modalities='
    with pytest.raises(ValueError, match=f'0 of 3 samples .*{needs}'):
        evaluate([make_batch(0, 0, singles=3)])
    batch, samples = make_batch(0, 1)
    del batch['inputs']['background']
    with pytest.raises(ValueError, match=rf"4 of 4 .* batch holds \['rgb'\]: {needs}"):
        evaluate([(batch, samples)])
    samples[0]['pred_fields'] = dict(part_seg=samples[0]['pred_fields']['rgb'][:1])
    with pytest.raises(ValueError, match='3 of 4'):
        evaluate([(batch, samples)])
    with pytest.raises(ValueError, match='the loader has no batch'):
        evaluate([])
