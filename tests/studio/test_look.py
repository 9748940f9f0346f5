import numpy as np
import pytest

from handkd.studio import look as looks
from handkd.studio.look import BACKGROUND_UNIFORMS, LOOK_SHAPE, NUM_LOOK_UNIFORMS, draw_look

USED = 40
OF_THE_BACKGROUND = [
    'TURN',
    'ZOOM',
    'ACROSS',
    'DOWN',
    'WALL_BRIGHTNESS',
    'IS_PLAIN',
    *((looks.WALL, c) for c in range(3)),
]
OF_THE_BACKGROUND += [(looks.FLAT, c) for c in range(3)]


@pytest.fixture
def look_of(draws):
    draw = draws[1][0]

    def look_of(uniforms):
        look = np.zeros(LOOK_SHAPE)
        draw_look(uniforms, 1.0, 0.5, draw.scene, draw.subject, look)
        return look

    return look_of


@pytest.mark.parametrize('seed', range(5))
def test_deviates_of_the_background_decide_its_entries_and_no_others(look_of, seed):
    rng = np.random.default_rng(seed)
    first, other = rng.random((2, NUM_LOOK_UNIFORMS))
    first[looks._IS_PLAIN_U], other[looks._IS_PLAIN_U] = 0.2, 0.8
    mixed = first.copy()
    mixed[list(BACKGROUND_UNIFORMS)] = other[list(BACKGROUND_UNIFORMS)]
    changed = look_of(first) != look_of(mixed)
    expected = np.zeros(LOOK_SHAPE, bool)
    for entry in OF_THE_BACKGROUND:
        expected[getattr(looks, entry) if isinstance(entry, str) else entry] = True
    np.testing.assert_array_equal(changed, expected)


def test_each_deviate_in_use_has_one_name_and_an_effect(look_of):
    named = sorted(value for name, value in vars(looks).items() if name.endswith('_U'))
    tints = [n for name, n in vars(looks).items() if name.endswith('_TINT_U')]
    assert sorted([*named, *(n + c for n in tints for c in (1, 2))]) == list(range(USED))
    low, high = np.full((2, NUM_LOOK_UNIFORMS), [[0.2], [0.7]])
    for k in range(NUM_LOOK_UNIFORMS):
        changed = low.copy()
        changed[k] = high[k]
        assert (look_of(changed) != look_of(low)).any() == (k < USED), k


def test_the_light_comes_from_the_front_and_the_wall_is_behind_the_hand(look_of, draws):
    rng = np.random.default_rng(0)
    for uniforms in rng.random((50, NUM_LOOK_UNIFORMS)):
        look = look_of(uniforms)
        assert np.linalg.norm(look[looks.LIGHT, :3]) == pytest.approx(1) and look[looks.LIGHT, 2] < 0
        assert look[looks.WALL_DISTANCE] > draws[1][0].scene.joints[:, 2].max()
        assert look[looks.WALL_IS_NEAR] in (0, 1) and (look[looks.KEY : looks.GAIN + 1, :3] > 0).all()
