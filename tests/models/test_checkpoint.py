import os
import pickle

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
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


@pytest.mark.parametrize('code', np.typecodes['AllInteger'] + np.typecodes['AllFloat'] + '?SU')
def test_arrays_and_numbers_of_all_plain_kinds_are_read(tmp_path, code):
    array = np.array([1, 0, 1]).astype(code)
    meta = dict(array=array, number=array[0], raw=b'bytes', empty=b'', names={'a', 'b'})
    torch.save(dict(state_dict={}, meta=meta), tmp_path / 'a.pth')
    found = read_checkpoint(tmp_path / 'a.pth')['meta']
    assert found['array'].dtype == array.dtype and (found['array'] == array).all() and found['number'] == array[0]
    assert found['raw'] == b'bytes' and found['empty'] == b'' and found['names'] == {'a', 'b'}


def test_the_log_buffers_of_mmengine_are_data(tmp_path):
    buffers = {'train/loss': HistoryBuffer([1.0, 2.0], [1, 1])}
    torch.save(dict(state_dict={'w': torch.ones(1)}, message_hub=dict(log_scalars=buffers)), tmp_path / 'a.pth')
    (found,) = read_checkpoint(tmp_path / 'a.pth')['message_hub']['log_scalars'].values()
    assert found._log_history.tolist() == [1.0, 2.0] and not isinstance(found, HistoryBuffer)


def test_what_is_refused_is_named_with_the_way_out(tmp_path):
    torch.save(dict(state_dict=Hostile(), meta=np.array([Hostile])), tmp_path / 'a.pth')
    with pytest.raises(CheckpointError, match=r'it requests \w+\.system\), .*weights_only=False.*torch\.save\(c'):
        read_checkpoint(tmp_path / 'a.pth')


@pytest.mark.parametrize(
    ('rename', 'extra'),
    [
        (lambda key: f'module.{key}', {}),
        (lambda key: key, {'ema_head_weight': torch.zeros(1)}),
        (lambda key: key.replace('head.', 'keypoint_head.'), {}),
    ],
    ids=['module.', 'ema_', 'MMPose 0.x'],
)
def test_names_of_other_times_are_understood_and_the_rest_is_strict(tmp_path, rename, extra):
    source, net = (nn.ModuleDict(dict(backbone=nn.Linear(2, 3), head=nn.Linear(3, 1))) for _ in range(2))
    state = {rename(key): value for key, value in source.state_dict().items()} | extra
    torch.save(dict(state_dict=state), tmp_path / 'a.pth')
    load_weights(net, tmp_path / 'a.pth')
    assert all(torch.equal(value, source.state_dict()[key]) for key, value in net.state_dict().items())
    torch.save(dict(state_dict=state | {rename('other.weight'): torch.zeros(1)}), tmp_path / 'a.pth')
    with pytest.raises(CheckpointError, match=r'1 unexpected \(other\.weight\)'):
        load_weights(net, tmp_path / 'a.pth')


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


def test_a_pipe_is_no_checkpoint(tmp_path):
    os.mkfifo(tmp_path / 'pipe.pth')
    with pytest.raises(OSError, match=r"pipe\.pth' is a pipe, not a regular file: name a file"):
        read_checkpoint(tmp_path / 'pipe.pth')


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


def network(**distillers):
    """A layer, and distillers that learn a layer of some width each."""
    layers = {name: nn.Linear(2, width) for name, width in distillers.items()}
    return nn.ModuleDict(dict(a=nn.Linear(2, 2), **({'training_only': nn.ModuleDict(layers)} if layers else {})))


@pytest.mark.parametrize('prefix', ['training_only.', 'distillers.'])
@pytest.mark.parametrize('of_the_file', [{}, dict(kept=3), dict(kept=3, dropped=4)])
@pytest.mark.parametrize('of_the_network', [{}, dict(kept=3), dict(kept=3, fresh=5)])
def test_a_distiller_may_be_on_one_side_only(tmp_path, of_the_file, of_the_network, prefix):
    """Checkpoints had the prefix ``distillers.`` before."""
    source, net = network(**of_the_file), network(**of_the_network)
    given = source.state_dict()
    written = {key.replace('training_only.', prefix): value for key, value in given.items()}
    torch.save(dict(state_dict=written), tmp_path / 'a.pth')
    expected = {k: given.get(k, v).clone() for k, v in net.state_dict().items()}
    load_weights(net, tmp_path / 'a.pth')
    assert all(torch.equal(v, expected[k]) for k, v in net.state_dict().items())


def test_a_distiller_on_both_sides_must_fit(tmp_path):
    torch.save(network(kept=3).state_dict(), tmp_path / 'a.pth')
    with pytest.raises(CheckpointError, match=r'training_only\.kept\.weight is \(3, 2\), expected \(4, 2\)'):
        load_weights(network(kept=4), tmp_path / 'a.pth')
    state = network(kept=3).state_dict()
    state.pop('training_only.kept.bias')
    torch.save(state, tmp_path / 'a.pth')
    with pytest.raises(CheckpointError, match=r'1 missing \(training_only\.kept\.bias\)'):
        load_weights(network(kept=3), tmp_path / 'a.pth')


def test_a_part_of_a_network_begins_with_its_own_weights(tmp_path):
    whole = nn.ModuleDict(dict(backbone=nn.Linear(2, 3), head=nn.Linear(3, 1)))
    torch.save(dict(state_dict=whole.state_dict()), tmp_path / 'whole.pth')
    part = nn.Linear(2, 3)
    load_weights(part, tmp_path / 'whole.pth', prefix='backbone.')
    assert torch.equal(part.weight, whole.backbone.weight) and torch.equal(part.bias, whole.backbone.bias)
    with pytest.raises(CheckpointError, match='2 missing'):
        load_weights(part, tmp_path / 'whole.pth', prefix='bakbone.')


def test_a_text_is_no_checkpoint_and_torch_s_advice_is_not_repeated(tmp_path):
    (tmp_path / 'README.md').write_text('# A title\n\nand a text\n')
    with pytest.raises(
        CheckpointError, match=r'README\.md is not a checkpoint: it is not a file that torch\.save wrote$'
    ):
        read_checkpoint(tmp_path / 'README.md')


def test_a_folder_is_said_to_be_one_with_the_checkpoints_in_it(tmp_path):
    with pytest.raises(IsADirectoryError, match=r'is a folder, not a checkpoint; it has no \.pth file'):
        read_checkpoint(tmp_path)
    torch.save({}, tmp_path / 'iter_5.pth')
    with pytest.raises(IsADirectoryError, match=r'name one of those in it: iter_5\.pth'):
        read_checkpoint(tmp_path)
