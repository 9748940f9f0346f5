"""Arrays that pickles ask for: checks of their types and sizes. Whole pickles that attack are in test_unpickling.py."""

import numpy as np
import pytest

from handkd.pickled_arrays import MAKERS, RefusedPickleError, fill, set_byte_order

make_dtype = MAKERS['numpy', 'dtype']
make_blank = MAKERS['numpy.core.multiarray', '_reconstruct']


@pytest.mark.parametrize('code', ['f8', 'i2', 'u1', 'b1', '?', 'c16', 'S3', 'U5', 'f2', 'f16'])
@pytest.mark.parametrize('order', ['<', '>'])
def test_types_come_back_from_what_numpy_says_of_them(code, order):
    expected = np.dtype(code).newbyteorder(order)
    _, args, state = expected.__reduce__()
    found = make_dtype(*args)
    set_byte_order(found, state)
    assert found == expected and found is not expected


@pytest.mark.parametrize(
    'code', ['O', 'O8', 'V8', 'M8[ns]', 'm8', 'f8,f8', '(2,)f8', 'S0', 'U9999999', 'f3', b'f8', None]
)
def test_other_types_are_refused(code):
    with pytest.raises((RefusedPickleError, TypeError)):
        make_dtype(code)


def test_an_array_does_not_follow_the_type_that_the_pickle_has_in_its_hands():
    dtype, array = make_dtype('i4'), make_blank(np.ndarray, (0,), b'b')
    fill(array, (1, (2,), dtype, False, np.arange(2, dtype='<i4').tobytes()))
    set_byte_order(dtype, (3, '>', None, None, None, -1, -1, 0))
    assert array.tolist() == [0, 1]


@pytest.mark.parametrize(
    'state',
    [
        (1, (3,), np.dtype('i4'), False, bytes(8)),
        (1, (-1, -2), np.dtype('i4'), False, bytes(8)),
        (1, (2,), np.dtype('i4'), False, [1, 2]),
        (1, (2.0,), np.dtype('i4'), False, bytes(8)),
        (1, (2,), 'i4', False, bytes(8)),
        (bytes(8),),
        None,
    ],
)
def test_states_that_do_not_fit_their_bytes_are_refused(state):
    with pytest.raises(RefusedPickleError):
        fill(make_blank(np.ndarray), state)
