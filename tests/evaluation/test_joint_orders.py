"""Joints of files in other orders: by name, into handkd's."""

from pathlib import Path

import numpy as np
import pytest

from handkd.evaluation import JointFile, find_order, handkd_names, reorder
from handkd.hand import JOINTS
from handkd.hints import ConfigError


def file_of(names, **more):
    """Two hands in which the x of every joint is its place in handkd's order."""
    place = [JOINTS.index(name) if name in JOINTS else -1 for name in names]
    joints = np.zeros((2, len(names), 3))
    joints[..., 0] = place
    return JointFile(Path('pred.txt'), joints, **more)


@pytest.mark.parametrize('order', ['rhd', 'bighand', 'interhand', 'mano', 'freihand'])
def test_orders_of_the_21_joints_become_handkds(order):
    names = find_order(order)
    assert sorted(names) == sorted(JOINTS)
    visible = np.array([names]) == 'index_tip'
    found = reorder(file_of(names, visible=np.repeat(visible, 2, 0)), order, JOINTS)
    np.testing.assert_array_equal(found.joints[1, :, 0], np.arange(21))
    np.testing.assert_array_equal(np.flatnonzero(found.visible[0]), [JOINTS.index('index_tip')])


def test_a_set_with_a_palm_and_no_wrist_has_it_as_joint_0():
    assert handkd_names(None, 'rhd') == JOINTS
    assert handkd_names('stb', 'rhd')[0] == 'palm' and handkd_names('stb')[1:] == JOINTS[1:]


def test_what_can_not_be_reordered_is_refused():
    with pytest.raises(ConfigError, match=r"joint order: there is no 'interhnd'; did you mean 'interhand'"):
        find_order('interhnd')
    with pytest.raises(ValueError, match=r"pred\.txt has 21 joints, but the order 'nyu14' is of 14"):
        reorder(file_of(JOINTS), 'nyu14', JOINTS)
    with pytest.raises(ValueError, match=r'pred\.txt: was dumped by a metric'):
        reorder(file_of(JOINTS, protocol='rel-wrist_21j'), 'rhd', JOINTS)
    with pytest.raises(ValueError, match=r"the order 'stb' has no joint 'wrist'"):
        reorder(file_of(find_order('stb')), 'stb', JOINTS)
