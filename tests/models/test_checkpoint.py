import os
import pickle

import numpy as np
import pytest
import torch
from torch import nn

from handkd.models import CheckpointError, load_weights, read_checkpoint


class Hostile:
    def __reduce__(self):
        return os.system, ('touch hacked',)


def test_numbers_and_arrays_of_numpy_are_read(tmp_path):
    content = dict(state_dict={'w': torch.ones(2)}, meta={'n': np.float64(3), 'a': np.ones(3, np.int64)})
    torch.save(content, tmp_path / 'a.pth')
    meta = read_checkpoint(tmp_path / 'a.pth')['meta']
    assert meta['n'] == 3 and meta['a'].tolist() == [1, 1, 1]


def test_code_in_a_checkpoint_is_refused_by_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save(dict(state_dict=Hostile()), 'evil.pth')
    with pytest.raises(CheckpointError, match=r'evil\.pth is refused'):
        read_checkpoint('evil.pth')
    (tmp_path / 'old.pth').write_bytes(pickle.dumps(Hostile()))
    with pytest.raises(CheckpointError, match=r'old\.pth'):
        read_checkpoint('old.pth')
    assert not (tmp_path / 'hacked').exists()


@pytest.mark.parametrize('keep', [0, 10, 500])
def test_a_truncated_file_is_named(tmp_path, keep):
    torch.save(dict(state_dict={'w': torch.ones(1000)}), tmp_path / 'a.pth')
    content = (tmp_path / 'a.pth').read_bytes()
    (tmp_path / 'a.pth').write_bytes(content[:keep])
    with pytest.raises(CheckpointError, match=r'a\.pth'):
        read_checkpoint(tmp_path / 'a.pth')


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'no checkpoint at .*b\.pth'):
        read_checkpoint(tmp_path / 'b.pth')


def test_all_that_does_not_fit_is_listed_and_nothing_is_loaded(tmp_path):
    net = nn.ModuleDict(dict(a=nn.Linear(2, 2), b=nn.Linear(2, 2)))
    before = {k: v.clone() for k, v in net.state_dict().items()}
    state = {'a.weight': torch.zeros(2, 2), 'a.bias': torch.zeros(3), 'c': torch.zeros(1)}
    torch.save(state, tmp_path / 'a.pth')
    with pytest.raises(
        CheckpointError, match=r'2 missing \(b\.bias, b\.weight\); 1 unexpected \(c\); 1 of another shape'
    ):
        load_weights(net, tmp_path / 'a.pth')
    assert all(torch.equal(v, before[k]) for k, v in net.state_dict().items())
