import json

import numpy as np
import pytest

from handkd.restoration import Round, RoundSettings, Verdict, latest_round, round_folder

SETTINGS = RoundSettings(weights=7, images=5, made_with=dict(window=17, dictionary=3), piece=2)


def piece_of(indices):
    """Maps and a verdict that say which image they are of."""
    numbers = np.array(list(indices))
    maps = np.broadcast_to(numbers[:, None, None], (len(numbers), 4, 4)).astype(np.uint8)
    before = np.tile(np.float32([numbers, numbers + 0.5]).T, (1, 11))[:, :21]
    odd = numbers % 2 > 0
    return maps, maps + 1, Verdict(before, before[:, ::-1] - odd[:, None], before > 3, numbers < 4, odd)


def write_all(round_):
    for piece in round_.missing:
        round_.write(piece, *piece_of(round_.indices_of(piece)))


def test_pieces_come_back_in_order_whatever_the_order_of_writing(tmp_path):
    round_ = Round.begin(tmp_path / 'a', SETTINGS)
    assert round_.missing == [0, 1, 2] and not round_.complete
    for piece in (2, 0):
        round_.write(piece, *piece_of(round_.indices_of(piece)))
    assert Round.begin(tmp_path / 'a', SETTINGS).missing == [1], 'begun again, what is written stays'
    with pytest.raises(ValueError, match='1 pieces of this round are missing'):
        _ = round_.restored
    write_all(round_)

    found = Round.open(tmp_path / 'a')
    predicted, restored, verdict = piece_of(range(5))
    assert found.complete and found.settings == SETTINGS
    np.testing.assert_array_equal(found.predicted, predicted)
    np.testing.assert_array_equal(found.restored, restored)
    np.testing.assert_array_equal(found.verdict.accepted, [False, True, False, True, False])
    np.testing.assert_array_equal(found.verdict.labelled, [True, True, True, True, False])
    np.testing.assert_array_equal(found.verdict.lost, verdict.lost)


@pytest.mark.parametrize('change', [dict(weights=8), dict(images=6), dict(made_with=dict(window=1)), dict(piece=3)])
def test_what_was_made_with_something_else_is_made_again(tmp_path, change):
    write_all(Round.begin(tmp_path, SETTINGS))
    other = RoundSettings(**{**vars(SETTINGS), **change})
    assert len(Round.begin(tmp_path, other).missing) == (2 if 'piece' in change else 3)


def test_a_round_can_be_made_again_of_the_same_weights(tmp_path):
    write_all(Round.begin(tmp_path, SETTINGS))
    (tmp_path / 'weights.pth').write_bytes(b'kept')
    again = Round.open(tmp_path).remade(dict(window=1))
    assert again.missing == [0, 1, 2] and not list(tmp_path.glob('piece_*'))
    assert Round.open(tmp_path).settings == again.settings == RoundSettings(7, 5, dict(window=1), 2)
    assert (tmp_path / 'weights.pth').read_bytes() == b'kept'


def test_a_round_of_another_version_is_made_again(tmp_path):
    write_all(Round.begin(tmp_path, SETTINGS))
    (tmp_path / 'round.json').write_text((tmp_path / 'round.json').read_text().replace('"version": 2', '"version": 1'))
    with pytest.raises(ValueError, match='version 1, this handkd reads 2'):
        Round.open(tmp_path)
    assert len(Round.begin(tmp_path, SETTINGS).missing) == 3


def test_damaged_and_missing_rounds_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='expected a round of restored maps'):
        Round.open(tmp_path)
    round_ = Round.begin(tmp_path, SETTINGS)
    write_all(round_)
    (path,) = tmp_path.glob('piece_00001_*.npz')
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match=r'piece_00001_\w+.npz is damaged'):
        _ = Round.open(tmp_path).restored


def test_the_latest_round_is_the_newest_complete_one(tmp_path):
    with pytest.raises(FileNotFoundError, match='no complete round'):
        latest_round(tmp_path)
    for number in (1, 2):
        write_all(Round.begin(round_folder(tmp_path, number), SETTINGS))
    Round.begin(round_folder(tmp_path, 3), SETTINGS)
    assert latest_round(tmp_path).folder.name == 'round_0002'


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        (dict(piece=0), 'are not a valid round'),
        (dict(images=10**11, piece=1), 'are not a valid round'),
        (dict(images=0), 'are not a valid round'),
        (dict(piece=0), 'are not a valid round'),
        (dict(images='5'), "'images' must be a whole number"),
        (dict(weights=None), "'weights' must be a whole number"),
        (dict(made_with=3), "'made_with' must be a dict"),
    ],
)
def test_a_description_that_can_not_be_is_refused(tmp_path, change, said):
    Round.begin(tmp_path, SETTINGS)
    content = json.loads((tmp_path / 'round.json').read_text())
    (tmp_path / 'round.json').write_text(json.dumps(content | change))
    with pytest.raises(ValueError, match=rf'^\S*round\.json: [^\n]*{said}'):
        Round.open(tmp_path)
    assert Round.begin(tmp_path, SETTINGS).settings == SETTINGS, 'it is made again'


@pytest.mark.parametrize(
    ('name', 'change'),
    [
        ('restored', lambda maps: maps + np.uint8(100)),
        ('restored', lambda maps: maps[:, :2]),
        ('restored', lambda maps: maps.astype(np.float32)),
        ('restored', lambda maps: maps[:1]),
        ('before', lambda values: values[:, :3]),
        ('accepted', lambda values: values.astype(np.int64)),
        ('lost', lambda values: values[..., None]),
    ],
)
def test_forged_pieces_are_refused(tmp_path, name, change):
    write_all(Round.begin(tmp_path, SETTINGS))
    (path,) = tmp_path.glob('piece_00001_*.npz')
    with np.load(path) as arrays:
        content = dict(arrays)
    np.savez(path, **content | {name: change(content[name])})
    with pytest.raises(ValueError, match=rf'^\S*piece_00001_\w+\.npz is damaged \([^\n]*{name}'):
        _ = Round.open(tmp_path).restored, Round.open(tmp_path).verdict
