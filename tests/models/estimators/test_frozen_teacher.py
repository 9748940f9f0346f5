import pytest

from handkd.models.estimators.frozen_teacher import build_teacher
from handkd.registry import MODELS

from .conftest import estimator_cfg


def test_a_teacher_is_built_frozen(teacher_file):
    teacher = build_teacher('depth', estimator_cfg('depth', 1), teacher_file)
    assert not teacher.training and not any(p.requires_grad for p in teacher.parameters())
    with pytest.raises(ValueError, match="the teacher 'depth' has no checkpoint"):
        build_teacher('depth', estimator_cfg('depth', 1))


def test_a_teacher_without_a_network_is_named(distilled_cfg):
    del distilled_cfg['teachers']['depth']['model']
    with pytest.raises(ValueError, match=r"^model\.teachers\.depth must have model, .* found \['checkpoint'\]"):
        MODELS.build(distilled_cfg)
