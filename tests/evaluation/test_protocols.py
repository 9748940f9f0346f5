"""Protocols: their names and what they measure, by hand."""

from dataclasses import replace

import numpy as np
import pytest

from handkd.datasets import NYUDataset
from handkd.evaluation import PALM_JOINTS, PROTOCOLS, Protocol, find_protocol
from handkd.evaluation.protocols import NYU_EVALUATION_JOINTS
from handkd.hand import JOINTS, TIPS

RNG = np.random.default_rng(1)
TARGET = RNG.normal(size=(4, 21, 3)) * 40 + (10, 20, 500)
PRED = 1.2 * TARGET + RNG.normal(size=TARGET.shape) * 10
TIP_NAMES = tuple(JOINTS[tip] for tip in TIPS)

NAMED = {
    'rel-middle_mcp_gt-scale_21j': Protocol('root+scale', 'middle_mcp'),
    'rel-middle_mcp_gt-scale_21j-joint0=palm': Protocol('root+scale', 'middle_mcp', PALM_JOINTS),
    'rel-wrist_gt-scale:wrist:index_mcp_21j': Protocol('root+scale', 'wrist', scale_bone=('wrist', 'index_mcp')),
    'rel-wrist_bone-scale_21j': Protocol('root+bone', 'wrist'),
    'rel-palm_pred-scale_21j': Protocol('root', 'palm'),
    'rel-palm_pred-scale_21j-joint0=palm-visible': Protocol('root', 'palm', PALM_JOINTS, visible_only=True),
    'rel-0_n-scale_16j': Protocol('n', '0', tuple(map(str, range(16)))),
    'abs_tips-of-21j': Protocol('absolute', counted=TIP_NAMES),
    'pa_wrist+thumb_tip+index_tip-of-21j_pooled': Protocol(
        'pa', counted=('wrist', 'thumb_tip', 'index_tip'), per_joint=False
    ),
    'abs_5j_pooled': Protocol('absolute', joints=tuple('01234'), per_joint=False),
}


def test_nyus_joints_are_those_that_its_reader_says_are_evaluated():
    info = NYUDataset.METAINFO
    assert tuple(info['native_joint_names'][index] for index in info['native_evaluation']) == NYU_EVALUATION_JOINTS


@pytest.mark.parametrize('name', NAMED)
def test_a_name_tells_the_whole_protocol(name):
    assert NAMED[name].name == name
    assert find_protocol(name) == NAMED[name]


def test_the_default_scale_bone_is_not_named():
    assert replace(NAMED['rel-middle_mcp_gt-scale_21j'], scale_bone=('wrist', 'middle_mcp')).name == (
        'rel-middle_mcp_gt-scale_21j'
    )


def test_presets_fit_their_joints():
    assert PROTOCOLS['nyu'].name == 'abs_14j_pooled' and PROTOCOLS['nyu'].root_indices == (13,)
    assert PROTOCOLS['icvl'].name == 'abs_16j_pooled' and PROTOCOLS['icvl'].root_indices == (0,)
    assert PROTOCOLS['stb'].name == 'rel-palm_pred-scale_21j-joint0=palm' and PROTOCOLS['stb'].root_indices == (0,)
    assert PROTOCOLS['rhd'].name == 'rel-wrist_pred-scale_21j-visible'
    assert PROTOCOLS['root'].for_joints(21).name == 'rel-wrist_pred-scale_21j'
    assert PROTOCOLS['root'].for_joints(21, PALM_JOINTS).name == 'rel-palm_pred-scale_21j-joint0=palm'
    assert PROTOCOLS['root'].for_joints(16).name == 'rel-0_pred-scale_16j'


def test_the_palm_is_joint_0_or_between_wrist_and_middle_finger():
    middle = Protocol('root', 'palm').align(PRED, TARGET)
    np.testing.assert_allclose(middle[:, 0] + middle[:, 9], TARGET[:, 0] + TARGET[:, 9])
    zero = Protocol('root', 'palm', PALM_JOINTS).align(PRED, TARGET)
    np.testing.assert_allclose(zero[:, 0], TARGET[:, 0])


@pytest.mark.parametrize(
    ('alignment', 'change'),
    [
        ('absolute', lambda x: x),
        ('root', lambda x: x + (5, 6, 7)),
        ('root+bone', lambda x: 3 * x + 9),
        ('n', lambda x: -2 * x + 9),
        ('pa', lambda x: 0.4 * x[..., [1, 2, 0]] - 8),
    ],
)
def test_an_alignment_takes_away_its_changes_and_no_more(alignment, change):
    protocol = Protocol(alignment, 'wrist')
    np.testing.assert_allclose(protocol.align(change(TARGET), TARGET), TARGET)
    larger = {'absolute': (5, 0, 0), 'root': 2, 'root+bone': -1, 'n': RNG.random((21, 3)), 'pa': (-1, 1, 1)}[alignment]
    moved = TARGET + larger if alignment == 'absolute' else TARGET * larger
    assert np.abs(protocol.align(moved, TARGET) - TARGET).max() > 1


def test_fingertips_alone_have_no_root_but_are_measured_absolute_or_by_pa():
    labelled = np.zeros((4, 21), bool)
    labelled[:, TIPS] = True
    target = np.where(labelled[..., None], TARGET, 0)
    for alignment in ('root', 'root+scale', 'root+bone', 'n'):
        with pytest.raises(ValueError, match=r'label of wrist.* sample 0 has none \(4 of 4.*abs_21j or pa_21j'):
            Protocol(alignment, 'wrist').align(PRED, target, labelled)
    with pytest.raises(ValueError, match='needs a label of middle_mcp, but sample 2 has none'):
        part = np.ones((4, 21), bool)
        part[2, 9] = False
        Protocol('root+bone', 'wrist').align(PRED, TARGET, part)
    np.testing.assert_array_equal(Protocol('absolute').align(PRED, target, labelled), PRED)
    aligned = Protocol('pa').align(2 * TARGET + 1, target, labelled)
    np.testing.assert_allclose(aligned[labelled], TARGET[labelled])


def test_what_was_aligned_can_be_aligned_further_but_not_less():
    order = [Protocol(a, 'wrist') for a in ('absolute', 'root', 'n', 'pa')]
    for i, first in enumerate(order):
        for j, then in enumerate(order):
            assert then.can_follow(first) == (j >= i)
            again = then.align(first.align(PRED, TARGET), TARGET)
            assert np.allclose(again, then.align(PRED, TARGET)) == (j >= i)


def test_wrong_names_are_refused_with_the_nearest():
    for make, message in (
        (lambda: Protocol('procrustes'), "alignment: there is no 'procrustes'; expected one of"),
        (lambda: Protocol('absolute', also=('roots',)), "alignment: there is no 'roots'; did you mean 'root'"),
        (lambda: Protocol('root'), "'root' needs a root joint"),
        (lambda: Protocol('root', 'wirst'), "no joint named 'wirst' among the 21j; did you mean 'wrist'"),
        (lambda: Protocol('root', 'wrist', PALM_JOINTS), "no joint named 'wrist' among the 21j-joint0=palm"),
        (lambda: Protocol('absolute', counted=('thumb',)), "did you mean 'thumb_"),
        (lambda: Protocol('root+scale', 'wrist', scale_bone=('wrist', 'wrist')), 'two different joints'),
        (lambda: find_protocol('nyuu'), "no protocol named 'nyuu' .*; did you mean 'nyu'"),
        (lambda: find_protocol('rel-wirst_pred-scale_21j'), "did you mean 'wrist'"),
        (lambda: find_protocol('abs_16j-joint0=palm'), 'is for 21 joints, found 16'),
        (lambda: PROTOCOLS['nyu'].for_joints(36), 'abs_14j_pooled is for 14 joints, found 36'),
        (lambda: PROTOCOLS['rhd'].for_joints(21, PALM_JOINTS), "has 'wrist' as joint 0, but these joints have 'palm'"),
    ):
        with pytest.raises(ValueError, match=message):
            make()
