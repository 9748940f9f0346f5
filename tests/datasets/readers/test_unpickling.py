import collections
import os
import pickle

import numpy as np
import pytest

from handkd.datasets.readers.unpickling import load_arrays


@pytest.mark.parametrize('protocol', [0, 2, 4, 5])
def test_arrays_and_plain_containers(tmp_path, protocol):
    content = {
        0: {'xyz': np.arange(6.0).reshape(2, 3), 'K': np.eye(3, dtype=np.float32), 'f': np.float64(2.5)},
        'list': [1, (2.0, None, True), {'a'}, b'bytes', 'text', frozenset('b')],
        'ordered': collections.OrderedDict(a=1),
        'names': np.array(['a', 'bc\u00e9']),
        'big': np.arange(3, dtype='>i4'),
        'fortran': np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        'strided': np.arange(10)[::2],
    }
    path = tmp_path / 'labels.pkl'
    path.write_bytes(pickle.dumps(content, protocol))
    loaded = load_arrays(path)
    np.testing.assert_array_equal(loaded[0]['xyz'], content[0]['xyz'])
    np.testing.assert_array_equal(loaded['strided'], [0, 2, 4, 6, 8])
    assert loaded[0]['K'].dtype == np.float32 and loaded[0]['f'] == 2.5
    assert (
        loaded['list'] == content['list']
        and loaded['ordered'] == {'a': 1}
        and list(loaded['names']) == ['a', 'bc\u00e9']
    )
    assert loaded['big'].tolist() == [0, 1, 2]
    np.testing.assert_array_equal(loaded['fortran'], content['fortran'])


def test_a_pickle_of_python_2(tmp_path):
    # What Python 2.7 and numpy 1.11 wrote for np.array([[1.], [2.], [3.]]): byte strings, numpy.core.
    data = (
        b"cnumpy.core.multiarray\n_reconstruct\np0\n(cnumpy\nndarray\np1\n(I0\ntp2\nS'b'\np3\ntp4\nRp5\n(I1\n(I3\nI1\ntp6\n"
        b"cnumpy\ndtype\np7\n(S'f8'\np8\nI0\nI1\ntp9\nRp10\n(I3\nS'<'\np11\nNNNI-1\nI-1\nI0\ntp12\nbI00\n"
        b"S'\\x00\\x00\\x00\\x00\\x00\\x00\\xf0?\\x00\\x00\\x00\\x00\\x00\\x00\\x00@\\x00\\x00\\x00\\x00\\x00\\x00\\x08@'\n"
        b'p13\ntp14\nb.'
    )
    (tmp_path / 'tvec.pkl').write_bytes(data)
    np.testing.assert_array_equal(load_arrays(tmp_path / 'tvec.pkl'), [[1.0], [2.0], [3.0]])


class Hostile:
    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    ('make', 'asked'),
    [
        (lambda victim: Hostile(os.system, f'touch {victim}'), 'system'),
        (lambda victim: {'K': [Hostile(eval, f"open('{victim}', 'w')")]}, 'eval'),
        (lambda victim: (Hostile(getattr, victim, 'touch'),), 'getattr'),
        (lambda victim: Hostile(np.load, str(victim)), 'load'),
    ],
)
def test_a_hostile_pickle_is_refused_and_does_nothing(tmp_path, make, asked):
    path, victim = tmp_path / 'anno_training.pickle', tmp_path / 'victim'
    path.write_bytes(pickle.dumps(make(victim), 2))
    with pytest.raises(ValueError, match=rf'anno_training.*it requests .*{asked}'):
        load_arrays(path)
    assert not victim.exists()


def test_a_payload_inside_an_object_array_is_refused(tmp_path):
    path, victim = tmp_path / 'a.pkl', tmp_path / 'victim'
    path.write_bytes(pickle.dumps(np.array([Hostile(os.system, f'touch {victim}')], object)))
    with pytest.raises(ValueError, match=r'a\.pkl.* was not read: an array is of type .O8'):
        load_arrays(path)
    assert not victim.exists()


def test_damaged_and_missing_files_are_named(tmp_path):
    (tmp_path / 'cut.pkl').write_bytes(pickle.dumps(np.arange(100))[:50])
    (tmp_path / 'text.pkl').write_text('hello')
    for name in ('cut.pkl', 'text.pkl'):
        with pytest.raises(ValueError, match=f'{name}.*copy or download it again'):
            load_arrays(tmp_path / name)
    with pytest.raises(FileNotFoundError, match='none'):
        load_arrays(tmp_path / 'none.pkl')


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / 'a.pickle')
    with pytest.raises(OSError, match=r"a\.pickle' is a pipe"):
        load_arrays(tmp_path / 'a.pickle')
