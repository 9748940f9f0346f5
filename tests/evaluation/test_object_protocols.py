"""Protocols of DexYCB, HO-3D, FreiHAND and InterHand2.6M, against transcriptions of the owners' rules by loops.

The rules are those of freihand/eval.py and utils/eval_util.py, ho3d/eval.py, dex_ycb_toolkit/hpe_eval.py, and
InterHand2.6M's evaluation; mirroring in Procrustes' problem is excluded, as this repository does everywhere.
"""

import numpy as np
import pytest

from handkd.evaluation import PROTOCOLS, find_protocol, hand_type_means, score

RNG = np.random.default_rng(3)
TARGET = RNG.normal(size=(7, 21, 3)) * 40 + (20, -10, 600)
PRED = 1.1 * TARGET + RNG.normal(size=(7, 21, 3)) * np.linspace(2, 20, 7)[:, None, None] + (3, 5, -70)


def procrustes(target: np.ndarray, pred: np.ndarray) -> np.ndarray:
    """Horn's closed form (1987) by quaternions, which can not mirror: rotation, then scale and shift."""
    t, p = target - target.mean(0), pred - pred.mean(0)
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = p.T @ t
    matrix = [
        [xx + yy + zz, yz - zy, zx - xz, xy - yx],
        [yz - zy, xx - yy - zz, xy + yx, zx + xz],
        [zx - xz, xy + yx, yy - xx - zz, yz + zy],
        [xy - yx, zx + xz, yz + zy, zz - xx - yy],
    ]
    w, x, y, z = np.linalg.eigh(matrix)[1][:, -1]
    rotation = np.array(
        [
            [w * w + x * x - y * y - z * z, 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), w * w - x * x + y * y - z * z, 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), w * w - x * x - y * y + z * z],
        ]
    )
    moved = p @ rotation.T
    return moved * (moved * t).sum() / (moved * moved).sum() + target.mean(0)


def scale_translation(target: np.ndarray, pred: np.ndarray) -> np.ndarray:
    """HO-3D: the bone from the wrist to joint 4 of MANO's order, the middle finger's base, and the wrist."""
    scaled = pred / np.sqrt(((pred[9] - pred[0]) ** 2).sum()) * np.sqrt(((target[9] - target[0]) ** 2).sum())
    return scaled - scaled[0] + target[0]


def measures(aligned: list[np.ndarray], target: np.ndarray) -> tuple[float, float]:
    """Mean error and area under the PCK curve, joint by joint and threshold by threshold."""
    means, areas = [], []
    for joint in range(21):
        distances = [np.sqrt(((a[joint] - t[joint]) ** 2).sum()) for a, t in zip(aligned, target)]
        means.append(sum(distances) / len(distances))
        thresholds = [50 * k / 99 for k in range(100)]
        curve = [sum(d <= threshold for d in distances) / len(distances) for threshold in thresholds]
        area = sum((a + b) / 2 * (50 / 99) for a, b in zip(curve, curve[1:]))
        areas.append(area / 50)
    return sum(means) / 21, sum(areas) / 21


RULES = {
    'absolute': lambda t, p: p,
    'root': lambda t, p: p - p[0] + t[0],
    'root+bone': scale_translation,
    'pa': procrustes,
}
COLUMNS = {'dexycb': ('absolute', 'root', 'pa'), 'ho3d': ('pa', 'root+bone'), 'freihand': ('pa', 'root+bone')}


@pytest.mark.parametrize('name', COLUMNS)
def test_numbers_are_the_owners(name):
    numbers = score(PRED, TARGET, PROTOCOLS[name]).numbers
    for place, alignment in enumerate(COLUMNS[name]):
        mean, area = measures([RULES[alignment](t, p) for t, p in zip(TARGET, PRED)], TARGET)
        tail = f'_{alignment}' if place else ''
        assert numbers[f'EPE_mean{tail}'] == pytest.approx(mean, rel=1e-9)
        assert numbers[f'AUC_0-50_trapz100{tail}'] == pytest.approx(area, abs=1e-9) and 0.01 < area < 0.99 or place == 0
        if name != 'dexycb':
            assert numbers[f'EPE_mean{tail}_cm'] == pytest.approx(mean / 10, rel=1e-9)


def test_names_tell_the_alignment():
    assert PROTOCOLS['dexycb'].name == 'abs_21j'
    assert PROTOCOLS['dexycb'].with_alignment('root').name == 'rel-wrist_pred-scale_21j'
    assert PROTOCOLS['ho3d'].name == PROTOCOLS['freihand'].name == 'pa_21j'
    assert PROTOCOLS['ho3d'].with_alignment('root+bone').name == 'rel-wrist_bone-scale_21j'
    assert PROTOCOLS['interhand'].name == 'rel-wrist_pred-scale_21j'


def test_a_mirrored_hand_is_wrong():
    numbers = score(TARGET * (-1, 1, 1), TARGET, PROTOCOLS['ho3d']).numbers
    assert numbers['EPE_mean'] > 20
    assert score(0.3 * TARGET[..., [1, 2, 0]] + 9, TARGET, PROTOCOLS['ho3d']).numbers['EPE_mean'] < 1e-9


def interhand(pred: np.ndarray, target: np.ndarray, valid: np.ndarray, kind: list[str], side: list[str]) -> dict:
    """The owners' lists of errors of 42 joints, by single and interacting hands."""
    lists = {name: [[] for _ in range(42)] for name in ('single', 'interacting')}
    for p, t, v, k, s in zip(pred, target, valid, kind, side):
        for joint in range(21):
            if v[joint] and v[0]:
                error = np.linalg.norm((p[joint] - p[0]) - (t[joint] - t[0]))
                lists['interacting' if k == 'interacting' else 'single'][joint + 21 * (s == 'left')].append(error)
    lists['all'] = [a + b for a, b in zip(lists['single'], lists['interacting'])]
    return {name: np.mean([np.mean(errors) for errors in joints if errors]) for name, joints in lists.items()}


def test_interhand_is_the_mean_of_42_joints_by_single_and_interacting_hands():
    valid = RNG.random((7, 21)) > 0.3
    valid[:, 0] = True
    valid[4, 0] = False  # none of its joints counts
    kind = ['right', 'left', 'right', 'interacting', 'interacting', 'interacting', 'single']
    side = ['right', 'left', 'right', 'left', 'right', 'right', 'right']
    result = score(PRED, TARGET, PROTOCOLS['interhand'], valid, hand_type=np.array(kind), hand_side=np.array(side))
    wanted = interhand(PRED, TARGET, valid, kind, side)
    assert len(set(wanted.values())) == 3
    for name, mean in wanted.items():
        assert result.numbers[f'EPE_mean_{name}'] == pytest.approx(mean, rel=1e-12)
    assert np.isnan(result.errors[4]).all()
    with pytest.raises(ValueError, match='sample 4 has none'):
        score(PRED, TARGET, find_protocol('rel-wrist_pred-scale_21j'), valid)


def test_hand_types_that_are_missing_or_unknown_are_named():
    with pytest.raises(ValueError, match='ground truth needs arrays `hand_type` and `hand_side`'):
        score(PRED, TARGET, PROTOCOLS['interhand'])
    errors, side = np.ones((2, 21)), np.array(['left', 'right'])
    with pytest.raises(ValueError, match="hand_type must be one of .* found 'both' at sample 1"):
        hand_type_means(errors, np.array(['left', 'both']), side)
    with pytest.raises(ValueError, match=r'hand_side must be \(2,\), one for each hand, found \(1,\)'):
        hand_type_means(errors, np.array(['left', 'right']), side[:1])
    assert hand_type_means(errors, np.array(['left', 'right']), side) == {'single': 1, 'all': 1}
