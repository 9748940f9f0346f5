"""Subjects: sizes within human bounds, one person per index, tables that fit together."""

from __future__ import annotations

import numpy as np
import pytest

from handkd.studio.anatomy import REFERENCE_LENGTH, SPHERE_INDEX, SPHERES, build_subject, subject_of
from handkd.studio.body import CONES, FACES, KIND_OBJECT, KINDS


def test_reference_hand_has_its_length():
    subject = build_subject(REFERENCE_LENGTH, np.zeros(32), np.full(16, 0.5))
    assert subject.lengths[9:13].sum() == pytest.approx(REFERENCE_LENGTH, abs=6)
    half = build_subject(REFERENCE_LENGTH / 2, np.zeros(32), np.full(16, 0.5))
    np.testing.assert_allclose(half.lengths, subject.lengths / 2)
    np.testing.assert_allclose(half.radii, subject.radii / 2)


def test_subjects_are_human_and_differ():
    people = [subject_of(0, 0, k) for k in range(300)]
    hands = np.array([p.lengths[9:13].sum() for p in people])
    assert hands.min() > 120 and hands.max() < 240 and hands.std() > 10
    for p in people:
        assert (p.lengths[1:] > 10).all() and (p.radii > 2).all()
        for finger in range(5):
            pip, dip, tip = p.radii[12 + 4 * finger : 15 + 4 * finger]
            assert pip > dip > tip, 'fingers taper'
        assert p.lengths[12] > p.lengths[20] * 0.8
    assert len({p.lengths.tobytes() for p in people}) == 300


def test_subject_is_a_pure_function():
    np.testing.assert_array_equal(subject_of(5, 1, 7).radii, subject_of.__wrapped__(5, 1, 7).radii)
    assert not np.array_equal(subject_of(5, 1, 7).radii, subject_of(5, 2, 7).radii)


def test_tables_fit():
    assert len(SPHERE_INDEX) == len(SPHERES) and len(KINDS) == len(CONES) + len(FACES) < 250
    assert CONES[:, :2].max() < len(SPHERES) and FACES.max() < len(SPHERES)
    drawn = {int(a) for a, b, ca, cb in CONES if ca} | {int(b) for a, b, ca, cb in CONES if cb}
    assert drawn == set(range(len(SPHERES))), "each sphere is drawn as some cone's cap"
    assert set(range(2, 21)) - {5, 9, 13, 17} <= set(KINDS.tolist()) and KINDS.max() < KIND_OBJECT
