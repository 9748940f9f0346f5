import pytest

from handkd.array_shapes import fits


@pytest.mark.parametrize(
    ('shape', 'itemsize', 'size', 'right'),
    [
        ((2, 3), 4, 24, True),
        ((), 8, 8, True),
        ((0, 3), 4, 0, True),
        ((2, 3), 4, 23, False),
        ((-2, -3), 4, 24, False),
        ((2.0, 3), 4, 24, False),
        ((True, 3), 8, 24, False),
        ([2, 3], 4, 24, False),
        (None, 4, 4, False),
        ((1,) * 32, 1, 1, True),
        ((1,) * 33, 1, 1, False),
        ((1 << 16, 0), 4, 0, True),
        ((10**12, 0), 4, 0, False),
    ],
)
def test_a_shape_takes_the_bytes_that_there_are(shape, itemsize, size, right):
    assert fits(shape, itemsize, size) is right
