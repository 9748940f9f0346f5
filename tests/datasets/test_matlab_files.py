"""MATLAB files that are right, damaged, too new, or of something else."""

import numpy as np
import pytest
from scipy.io import savemat

from handkd.datasets.matlab_files import load_mat


def test_only_the_named_variables_are_read(tmp_path):
    savemat(tmp_path / 'a.mat', {'one': np.arange(6.0).reshape(2, 3), 'two': np.zeros(3)})
    data = load_mat(tmp_path / 'a.mat', ['one'])
    assert list(data) == ['one'] and data['one'].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_faults_are_named(tmp_path):
    path = tmp_path / 'a.mat'
    with pytest.raises(FileNotFoundError):
        load_mat(path, ['one'])
    savemat(path, {'one': np.random.default_rng(0).normal(size=(20, 20))}, do_compression=True)
    with pytest.raises(ValueError, match="a.mat' has no 'two'"):
        load_mat(path, ['one', 'two'])
    data = bytearray(path.read_bytes())
    path.write_bytes(data[:-200])
    with pytest.raises(ValueError, match="a.mat' was not read.*download it again"):
        load_mat(path, ['one'])
    data[124:126] = b'\x00\x02'  # the version in the header
    path.write_bytes(data)
    with pytest.raises(ValueError, match="a.mat' is a MATLAB file of version 7.3"):
        load_mat(path, ['one'])
