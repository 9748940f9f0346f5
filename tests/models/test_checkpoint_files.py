"""Checkpoints of all ages, and those that are forged or damaged: nothing is believed that the bytes do not bear out."""

import collections
import io
import pickle
import struct
import zipfile

import numpy as np
import pytest
import torch
from torch import nn

from handkd.models import CheckpointError, load_weights, read_checkpoint, weights_in

CONTENT = {
    'state_dict': collections.OrderedDict(
        float=torch.randn(3, 4),
        transposed=torch.arange(6).reshape(2, 3).T,
        repeated=torch.ones(1).expand(5),
        half=torch.ones(2, dtype=torch.bfloat16),
        flags=torch.tensor([True, False]),
        none=torch.zeros(0, 3),
        scalar=torch.tensor(7),
        complex=torch.ones(2, dtype=torch.complex64),
        parameter=nn.Parameter(torch.ones(2, 2)),
    ),
    'optimizer': {'state': {0: {'exp_avg': torch.ones(2)}}, 'param_groups': [{'betas': (0.9, 0.99), 'params': [0]}]},
    'meta': {'size': torch.Size([1, 2]), 'device': torch.device('cuda', 1), 'dtype': torch.float16, 'n': 1 << 60},
}
AGES = {
    'zip': {},
    'before 1.6': dict(_use_new_zipfile_serialization=False),
    'protocol 4': dict(pickle_protocol=4),
    'protocol 5, before 1.6': dict(pickle_protocol=5, _use_new_zipfile_serialization=False),
}


@pytest.mark.parametrize('age', AGES)
def test_all_ages_and_kinds_are_read_as_torch_reads_them(tmp_path, age):
    torch.save(CONTENT, tmp_path / 'a.pth', **AGES[age])
    found = read_checkpoint(tmp_path / 'a.pth')
    for name, value in CONTENT['state_dict'].items():
        assert torch.equal(found['state_dict'][name], value) and found['state_dict'][name].dtype == value.dtype
        assert found['state_dict'][name].stride() == value.stride()
    assert found['meta'] == CONTENT['meta']
    assert found['optimizer']['param_groups'] == CONTENT['optimizer']['param_groups']


@pytest.mark.parametrize('age', AGES)
def test_tensors_that_share_memory_share_it_again(tmp_path, age):
    whole = torch.zeros(4, 2)
    torch.save({'a': whole, 'b': whole[1:]}, tmp_path / 'a.pth', **AGES[age])
    found = read_checkpoint(tmp_path / 'a.pth')
    found['a'][2, 1] = 5
    assert found['b'][1, 1] == 5 and found['a'].data_ptr() % 64 == 0


def test_types_without_a_class_of_storages_and_weights_with_attributes(tmp_path):
    weight = nn.Parameter(torch.ones(3))
    weight.note = 'text'
    torch.save(
        {'a': torch.ones(3, dtype=torch.uint16), 'b': torch.ones(2).to(torch.float8_e5m2), 'c': weight}, tmp_path / 'a'
    )
    found = read_checkpoint(tmp_path / 'a')
    assert found['a'].dtype == torch.uint16 and found['a'].tolist() == [1, 1, 1]
    assert found['b'].dtype == torch.float8_e5m2 and found['b'].float().tolist() == [1, 1]
    assert found['c'].tolist() == [1, 1, 1]


def test_no_flipped_bit_goes_unseen(tmp_path):
    content = dict(state_dict={'w': torch.randn(1000), 'empty': torch.zeros(0)}, meta={'seed': 1})
    torch.save(content, tmp_path / 'a.pth')
    data = (tmp_path / 'a.pth').read_bytes()
    rng = np.random.default_rng(0)
    for place in rng.integers(len(data), size=300).tolist():
        changed = bytearray(data)
        changed[place] ^= 1 << int(rng.integers(8))
        (tmp_path / 'b.pth').write_bytes(changed)
        try:
            found = read_checkpoint(tmp_path / 'b.pth')
        except CheckpointError as error:
            assert str(error).startswith(str(tmp_path / 'b.pth')) and '\n' not in str(error)
        else:  # in the archive's padding, or the dates of its records
            assert torch.equal(found['state_dict']['w'], content['state_dict']['w']) and found['meta'] == {'seed': 1}


@pytest.mark.parametrize('age', AGES)
def test_files_cut_or_changed_anywhere_are_read_or_refused_by_name(tmp_path, age):
    torch.save({'w': torch.randn(20), 'n': np.arange(5), 's': [1, 'text', None]}, tmp_path / 'a.pth', **AGES[age])
    data = (tmp_path / 'a.pth').read_bytes()
    rng = np.random.default_rng(0)
    for i in range(200):
        changed = bytearray(data)
        for place in rng.integers(len(data), size=1 + i % 3).tolist():
            changed[place] = int(rng.integers(256))
        if i % 4 == 0:
            del changed[int(rng.integers(len(data))) :]
        (tmp_path / 'b.pth').write_bytes(changed)
        try:
            read_checkpoint(tmp_path / 'b.pth')
        except CheckpointError as error:
            assert str(error).startswith(str(tmp_path / 'b.pth')) and '\n' not in str(error)


def forged(path, *replacements):
    """Write a checkpoint whose pickle is changed."""
    buffer = io.BytesIO()
    torch.save({'w': torch.arange(12.0).reshape(3, 4)}, buffer)
    with zipfile.ZipFile(buffer) as old, zipfile.ZipFile(path, 'w') as new:
        for name in old.namelist():
            data = old.read(name)
            for one, other in replacements if name.endswith('data.pkl') else ():
                assert one in data
                data = data.replace(one, other)
            new.writestr(name, data)


SIZE, STRIDE = b'K\x03K\x04\x86', b'K\x04K\x01\x86'
FORGERIES = {
    'size beyond the storage': [(SIZE, b'J\xff\xff\xff\x7fK\x04\x86')],
    'strides beyond the storage': [(STRIDE, b'K\x05K\x01\x86')],
    'negative strides': [(STRIDE, b'J\xfc\xff\xff\xffK\x01\x86')],
    'size of strides of 0': [(SIZE, b'J\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x86'), (STRIDE, b'K\x00K\x00\x86')],
    'offset': [(b'QK\x00', b'QK\x01')],
    'length of the storage': [(b'K\x0ct', b'J\xff\xff\xff\x7ft')],
    'storage of another width': [(b'FloatStorage', b'DoubleStorage')],
    'storage that is not there': [(b'X\x01\x00\x00\x000', b'X\x01\x00\x00\x007')],
    'storage outside': [(b'X\x07\x00\x00\x00storage', b'X\x06\x00\x00\x00module')],
    'another function of torch': [(b'_rebuild_tensor_v2', b'_rebuild_qtensor')],
    'a function with code': [(b'torch._utils\n_rebuild_tensor_v2', b'torch.hub\nload')],
}


@pytest.mark.parametrize('forgery', FORGERIES)
def test_forged_tensors_are_refused(tmp_path, forgery):
    forged(tmp_path / 'a.pth', *FORGERIES[forgery])
    with pytest.raises(CheckpointError, match=r'^\S+a\.pth is (refused|damaged)[^\n]*$'):
        read_checkpoint(tmp_path / 'a.pth')


@pytest.mark.parametrize('count', [1 << 31, (1 << 31) - 1])
def test_old_files_ask_for_no_more_than_they_have(tmp_path, count):
    torch.save({'w': torch.arange(12.0)}, tmp_path / 'a.pth', _use_new_zipfile_serialization=False)
    data = (tmp_path / 'a.pth').read_bytes()
    many = b'\x8a\x05' + count.to_bytes(5, 'little')
    assert data.count(b'K\x0cN') == data.count(b'K\x0c\x85') == 1
    (tmp_path / 'a.pth').write_bytes(data.replace(b'K\x0cN', many + b'N').replace(b'K\x0c\x85', many + b'\x85'))
    with pytest.raises(CheckpointError, match=r'a\.pth is refused.*its tensors request more bytes than it has'):
        read_checkpoint(tmp_path / 'a.pth')


def test_archives_that_unpack_to_more_than_they_are(tmp_path):
    bomb = tmp_path / 'bomb.pth'
    with zipfile.ZipFile(bomb, 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr('bomb/data.pkl', pickle.dumps({}, 2))
        archive.writestr('bomb/data/0', bytes(10_000_000))
    with pytest.raises(CheckpointError, match=r'bomb\.pth is damaged or not a checkpoint: its records are compressed'):
        read_checkpoint(bomb)
    forged(bomb)
    data = bytearray(bomb.read_bytes())
    entry = data.index(b'PK\x01\x02', data.index(b'PK\x01\x02') + 1)
    data[entry + 20 : entry + 28] = struct.pack('<LL', 1 << 31, 1 << 31)
    bomb.write_bytes(data)
    with pytest.raises(CheckpointError, match=r'bomb\.pth is damaged or not a checkpoint: its records are longer than'):
        read_checkpoint(bomb)


def other_programs(folder):
    """Files that are no checkpoints, with what is said of each."""
    torch.save([torch.ones(1)], folder / 'list')
    torch.save(torch.ones(1), folder / 'tensor')
    torch.save({'model': {'w': torch.ones(1)}, 'epoch': 3}, folder / 'model')
    torch.save({'state_dict': [1]}, folder / 'state')
    torch.save({'state_dict': {'w': 'text'}}, folder / 'text in it')
    torch.save({1: torch.ones(1)}, folder / 'numbers')
    torch.jit.save(torch.jit.script(nn.Linear(1, 1)), folder / 'script')
    np.savez(folder / 'arrays.npz', a=np.ones(2))
    np.save(folder / 'array.npy', np.ones(2))
    (folder / 'empty').write_bytes(b'')
    (folder / 'page').write_text('<html>404</html>')
    (folder / 'pickle').write_bytes(pickle.dumps({'w': 1}))
    (folder / 'keras').write_bytes(b'\x89HDF\r\n\x1a\n' + bytes(600))
    (folder / 'tar').write_bytes(bytes(257) + b'ustar' + bytes(300))
    return {
        'list': 'expected a dict of weights, found a list',
        'tensor': 'expected a dict of weights, found a Tensor',
        'model': "is a checkpoint of another program: it has no 'state_dict', and model, epoch are not tensors",
        'state': "'state_dict' must be a dict of tensors, found a list",
        'text in it': 'w in its state_dict must be a tensor, found a str',
        'numbers': "'state_dict' must be a dict of tensors",
        'script': 'it is a TorchScript module',
        'arrays.npz': 'zip archive that torch.save did not write',
        'array.npy': 'it is an array of numpy',
        'empty': 'it is empty',
        'page': 'not a file that torch.save wrote',
        'pickle': 'is damaged or not a checkpoint',
        'keras': 'an HDF5 file',
        'tar': 'a tar archive',
    }


def test_what_is_no_checkpoint_is_named(tmp_path):
    for name, said in other_programs(tmp_path).items():
        with pytest.raises(CheckpointError) as caught:
            load_weights(nn.Linear(1, 1), tmp_path / name)
        assert str(caught.value).startswith(str(tmp_path / name)) and said in str(caught.value), name
        assert '\n' not in str(caught.value), name


def test_weights_are_found_alone_or_in_a_checkpoint():
    weights = {'w': torch.ones(1)}
    assert weights_in(weights, 'a') is weights and weights_in({'state_dict': weights, 'meta': 1}, 'a') is weights
