"""Unchanged configs of MMPose: their scope, MMDetection's classes, and their names."""

import pytest
from mmengine.config import Config

from handkd.compat import is_absent
from handkd.config import load_config
from handkd.config_files import find_config, mmpose_hand_configs
from handkd.hints import ConfigError
from handkd.mmpose_configs import absent_package, use_mmpose_classes

RTMPOSE = 'mmpose::hand_2d_keypoint/rtmpose/coco_wholebody_hand/rtmpose-m_8xb32-210e_coco-wholebody-hand-256x256'

needs_no_mmdet = pytest.mark.skipif(not is_absent('mmdet'), reason='MMDetection is installed')


def test_handkd_finds_all_that_mmpose_does():
    cfg = Config(dict(default_scope='mmpose'))
    use_mmpose_classes(cfg)
    assert cfg.default_scope == 'handkd'
    other = Config(dict(default_scope='mmdet'))
    use_mmpose_classes(other)
    assert other.default_scope == 'mmdet'


@needs_no_mmdet
def test_classes_of_mmdetection_are_mmposes_where_it_has_them():
    cfg = Config(
        dict(
            model=dict(backbone=dict(_scope_='mmdet', type='CSPNeXt', arch='P5')),
            pipeline=[dict(type='mmdet.YOLOXHSVRandomAug'), dict(type='mmdet.RandomCrop')],
        )
    )
    use_mmpose_classes(cfg)
    assert cfg.model.backbone == dict(type='CSPNeXt', arch='P5')
    assert [step.type for step in cfg.pipeline] == ['YOLOXHSVRandomAug', 'mmdet.RandomCrop']
    assert "needs the package mmdet: MMDetection: pip install 'mmdet>=3.0'" in absent_package('mmdet.RandomCrop')
    assert absent_package('NoSuchClass') is None


def test_rtmpose_loads_by_name_and_as_a_base(tmp_path):
    cfg = load_config(RTMPOSE)
    assert [hook.type for hook in cfg.custom_hooks] == ['EMAHook', 'PipelineSwitchHook']
    assert cfg.param_scheduler[1].convert_to_iter_based
    assert [step.type for step in cfg.train_dataloader.dataset.pipeline][5:7] == ['YOLOXHSVRandomAug', 'Albumentation']
    own = tmp_path / 'own.py'
    own.write_text(
        f"_base_ = '{RTMPOSE}.py'\n"
        "model = dict(_delete_=True, type='DistilledEstimator', student=_base_.model, distillers=dict())\n"
    )
    student = load_config(own).model.student
    assert student.head.type == 'RTMCCHead' and '_scope_' not in student


@needs_no_mmdet
def test_a_class_that_only_mmdetection_has_is_named():
    with pytest.raises(ConfigError, match=r"custom_hooks\[0\]: 'mmdet.MeanTeacherHook' needs the package mmdet"):
        load_config(RTMPOSE, {'custom_hooks': [dict(type='mmdet.MeanTeacherHook')]})


def test_names_of_mmposes_configs():
    names = mmpose_hand_configs()
    assert RTMPOSE in names and all(find_config(name).is_file() for name in names)
    assert find_config('mmpose::_base_/default_runtime.py').name == 'default_runtime.py'
    with pytest.raises(FileNotFoundError, match="did you mean .*rtmpose-m_8xb32-210e_coco-wholebody-hand-256x256'"):
        find_config(RTMPOSE[:-1])
    with pytest.raises(FileNotFoundError, match='no config'):
        find_config('mmpose::../mmpose/configs/x')
