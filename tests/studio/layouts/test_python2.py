"""Pickles of Python 2: what Python reads back, by instructions that Python 2 knew."""

from __future__ import annotations

import pickle
import pickletools

import numpy as np
import pytest

from handkd.studio.layouts.python2 import pickle_as_python2


def test_plain_data_comes_back():
    value = {'a': np.arange(300.0).reshape(150, 2), 'b': None, 'c': 'text', 'd': 7, 'e': -70000, 'f': {'g': np.eye(3)}}
    data = pickle_as_python2(value)
    back = pickle.loads(data, encoding='latin1')
    assert list(back) == list(value) and [back[k] for k in 'bcde'] == [None, 'text', 7, -70000]
    np.testing.assert_array_equal(back['a'], value['a'])
    np.testing.assert_array_equal(back['f']['g'], np.eye(3))
    assert {opcode.proto <= 2 for opcode, _, _ in pickletools.genops(data)} == {True}
    long = pickle.loads(pickle_as_python2(np.zeros((300, 1))), encoding='latin1')
    assert long.shape == (300, 1)


def test_other_objects_are_refused():
    with pytest.raises(TypeError, match='only plain data can be written, found list'):
        pickle_as_python2({'a': [1]})
