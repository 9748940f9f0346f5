"""Trained networks are found where runs leave them, and show the same images."""

import pytest
import torch

from handkd.apis.trained import TrainedNetwork, check_same_images, identify, read_samples, spread_indices
from handkd.config import load_config
from handkd.registry import DATASETS, MODELS


@pytest.fixture
def run(tiny_cfg, tmp_path):
    """A work dir of a distilled network: the config's copy, two checkpoints, and a folder of logs."""
    cfg = tiny_cfg()
    student = cfg.model.to_dict()
    cfg.model = dict(type='DistilledEstimator', student=student, distillers={})
    folder = tmp_path / 'pmd'
    (folder / '20250101_000000').mkdir(parents=True)
    cfg.dump(folder / 'pmd_tiny.py')
    for step in (9, 10):
        network = MODELS.build(student)
        torch.nn.init.constant_(network.head.branches['x'].fc3.bias, step)
        torch.save({'state_dict': network.state_dict()}, folder / f'iter_{step}.pth')
    return folder


def bias_of(network: TrainedNetwork) -> float:
    """What the checkpoint's step was written into."""
    return network.build().head.branches['x'].fc3.bias[0].item()


def test_a_work_dir_gives_its_student_and_its_newest_weights(run):
    network = TrainedNetwork.open(str(run))
    assert (network.label, network.checkpoint, network.cfg.model.type) == (
        'pmd',
        run / 'iter_10.pth',
        'HandPoseEstimator',
    )
    assert bias_of(network) == 10
    assert not network.build().training


def test_a_config_and_a_checkpoint_may_be_named(run):
    text = f'{run}/pmd_tiny.py:{run}/iter_9.pth'
    network = TrainedNetwork.open(text, options={'test_dataloader.dataset.length': 3})
    assert network.label == 'pmd_tiny'
    assert bias_of(network) == 9
    assert network.cfg.test_dataloader.dataset.length == 3
    assert TrainedNetwork.open(text, 'PMD-Net').label == 'PMD-Net'


def test_what_is_missing_is_named(run, tmp_path):
    with pytest.raises(FileNotFoundError, match=r'gone: no such work dir; name a work dir or CONFIG.py:CHECKPOINT'):
        TrainedNetwork.open('gone')
    with pytest.raises(FileNotFoundError, match='no config'):
        TrainedNetwork.open(str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r'gone\.pth'):
        TrainedNetwork.open(f'{run}/pmd_tiny.py:gone.pth').build()
    load_config(run / 'pmd_tiny.py').dump(run / 'other.py')
    with pytest.raises(ValueError, match=r"several configs, \['other.py', 'pmd_tiny.py'\]"):
        TrainedNetwork.open(str(run))
    (run / 'other.py').unlink()
    for file in run.glob('*.pth'):
        file.unlink()
    with pytest.raises(FileNotFoundError, match=r'no checkpoint in this folder'):
        TrainedNetwork.open(str(run))


def test_samples_are_those_of_the_test_set(run):
    networks = [TrainedNetwork.open(str(run), label) for label in 'ab']
    samples = read_samples(networks, [7, 2])
    assert [[item['data_samples'].img_id for item in items] for items in samples] == [[7, 2], [7, 2]]
    with pytest.raises(ValueError, match='a: no test image 10: indices must be from 0 to 9'):
        read_samples(networks, [0, 10])


def test_other_images_are_named():
    first, second, other = (1, (30.0, 20.0)), (2, (31.0, 19.0)), (2, (31.0, 25.0))
    check_same_images([first, second], [first, second], 'a', 'b')
    check_same_images([first, second], [first, (2, ())], 'a', 'b')
    with pytest.raises(ValueError, match='a and b have test sets of 2 and 1 images'):
        check_same_images([first, second], [first], 'a', 'b')
    with pytest.raises(ValueError, match='number 1 is 2 here and 1 there'):
        check_same_images([first, second], [first, first], 'a', 'b')
    with pytest.raises(ValueError, match='number 1 is 2 in both, but of another hand'):
        check_same_images([first, second], [first, other], 'a', 'b')


@pytest.mark.parametrize('keep', ['keypoints_cam', 'keypoints'])
def test_an_image_is_known_again_however_it_is_cropped_and_told_from_those_of_another_seed(keep):
    crop = [dict(type='HandCrop', rule='square', factor=2.0), dict(type='WarpCrop', size=48)]

    def marks(seed, steps):
        pipeline = [*steps, dict(type='PackHandInputs')]
        items = list(DATASETS.build(dict(type='StudioDataset', split='test', length=3, seed=seed, pipeline=pipeline)))
        for item in items:
            for key in {'keypoints', 'keypoints_cam'} - {keep}:
                del item['data_samples'].gt_instances[key]
        return [identify(item) for item in items]

    check_same_images(marks(0, []), marks(0, crop), 'a', 'b')
    with pytest.raises(ValueError, match='number 0 is 0 in both, but of another hand'):
        check_same_images(marks(0, []), marks(1, []), 'a', 'b')


def test_indices_are_spread_over_the_set():
    assert spread_indices(101, 5) == [0, 25, 50, 75, 100]
    assert spread_indices(3, 8) == [0, 1, 2]
