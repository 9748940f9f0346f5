import pytest

from handkd.models.estimators.frozen_teacher import build_teacher

from .conftest import estimator_cfg


def test_a_teacher_is_built_frozen(teacher_file):
    teacher = build_teacher('depth', estimator_cfg('depth', 1), teacher_file)
    assert not teacher.training and not any(p.requires_grad for p in teacher.parameters())
    with pytest.raises(ValueError, match="the teacher 'depth' has no checkpoint"):
        build_teacher('depth', estimator_cfg('depth', 1))
