"""Evaluation from the command line, by true joints and by hands found in the depth."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from handkd.commands import test
from handkd.config import load_config
from handkd.registry import MODELS

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / 'configs/weakseg/inception_direct_studio.py'


@pytest.fixture(scope='module')
def evaluate(tmp_path_factory):
    """Evaluates new weights on a few samples, and returns the metrics and the predictions."""
    folder, main = tmp_path_factory.mktemp('test'), test.main
    torch.manual_seed(0)
    network = MODELS.build(load_config(CONFIG, only='model').model)
    torch.save({'state_dict': network.state_dict()}, folder / 'weights.pth')

    def run(*options):
        files = ['--out', folder / 'metrics.json', '--dump', folder / 'predictions.npz', '--work-dir', folder / 'run']
        changes = ['test_dataloader.dataset.length=6', 'test_dataloader.num_workers=0']
        changes += ['test_dataloader.persistent_workers=False']
        main([str(part) for part in (CONFIG, folder / 'weights.pth', *options, *files, '--cfg-options', *changes)])
        with np.load(folder / 'predictions.npz', allow_pickle=False) as dumped:
            return json.loads((folder / 'metrics.json').read_text()), dumped['pred']

    return run


def test_hands_found_in_the_depth_are_measured_under_a_name_of_their_own(evaluate):
    (true, by_joints), (again, same), (found, by_depth) = evaluate(), evaluate(), evaluate('--find-hands')
    assert set(found) == {f'hand_found/{name}' for name in true} and true == again
    np.testing.assert_array_equal(by_joints, same)
    distance = np.linalg.norm((by_depth - by_joints).mean(1), axis=-1)
    assert (distance > 1).all() and (distance < 100).all()


def test_a_network_for_pictures_finds_no_hands(tmp_path):
    main = test.main
    with pytest.raises(ValueError, match='hands can be found in depth only'):
        main([str(ROOT / 'tests/configs/plain_rgb_studio.py'), 'gone.pth', '--find-hands'])
