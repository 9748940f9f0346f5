"""DexYCB's setups divide its recordings by the owners' rules."""

import pytest

from handkd.datasets.readers.dexycb_files import SEQUENCES, SERIALS, SUBJECTS, list_sequences, select

SETUPS = ('s0', 's1', 's2', 's3')
SPLITS = ('train', 'val', 'test')


def is_in_split(setup, split, subject, place, view):
    """The specification's rules, subject by subject."""
    fifth, block = place % 5 == 4, place // 5
    if setup == 's0':
        return {'train': not fifth, 'val': fifth and subject in (1, 2), 'test': fifth and subject > 2}[split]
    if setup == 's1':
        return split == {7: 'val', 8: 'test', 9: 'test'}.get(subject, 'train')
    if setup == 's2':
        return split == (['train'] * 6 + ['val', 'test'])[view]
    return split == {3: 'val', 19: 'val', 7: 'test', 11: 'test', 15: 'test'}.get(block, 'train')


@pytest.mark.parametrize('setup', SETUPS)
def test_every_setup_divides_the_recordings_by_the_owners_rules(setup):
    for subject in range(1, 11):
        parts = [select(setup, split, subject) for split in SPLITS]
        for place in range(100):
            for view in range(8):
                found = [place in part.sequences and view in part.cameras for part in parts]
                assert found == [is_in_split(setup, split, subject, place, view) for split in SPLITS]


def test_sequences_are_sorted_by_name(tmp_path):
    for name in ('20200709_142022', '20200709_141754', 'notes'):
        (tmp_path / name).mkdir()
    (tmp_path / '20200709_150000').touch()
    assert list_sequences(tmp_path) == ['20200709_141754', '20200709_142022']
    assert (len(SUBJECTS), len(SERIALS), SEQUENCES) == (10, 8, 100)
