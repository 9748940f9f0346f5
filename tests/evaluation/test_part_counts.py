"""The file of a segmentation's pixel counts: exact round trip, shares by hand, and what is no such file."""

import numpy as np
import pytest

from handkd.evaluation import PartCounts


@pytest.fixture
def counts():
    return PartCounts(np.array([3, 0, 0, 8]), np.array([4, 0, 5, 8]), 'parts4_no-background')


def test_round_trip(counts, tmp_path):
    path = tmp_path / 'new' / 'parts.npz'
    counts.save(path)
    back = PartCounts.load(path)
    np.testing.assert_array_equal([back.correct, back.total], [counts.correct, counts.total])
    assert back.protocol == counts.protocol
    assert [file.name for file in path.parent.iterdir()] == ['parts.npz']


def test_shares_of_parts_and_of_all(counts):
    np.testing.assert_array_equal(counts.shares, [0.75, np.nan, 0, 1])
    assert counts.accuracy == pytest.approx((11 / 17, 1.75 / 3))


def test_a_file_that_can_not_be_written_stays_as_it_was(counts, tmp_path, monkeypatch):
    path = tmp_path / 'parts.npz'
    counts.save(path)
    before = path.read_bytes()

    def fail(*_):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr('os.fsync', fail)
    with pytest.raises(OSError, match=r'could not be written.*parts\.npz'):
        PartCounts(counts.total, counts.total, 'other').save(path)
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1


def test_what_is_no_such_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='gone.npz: no such file of pixel counts of parts; HandSegmentation'):
        PartCounts.load(tmp_path / 'gone.npz')
    np.savez(tmp_path / 'other.npz', pred=np.zeros(3))
    with pytest.raises(ValueError, match=r"other.npz: not a file of pixel counts of parts, which holds \('correct'"):
        PartCounts.load(tmp_path / 'other.npz')
