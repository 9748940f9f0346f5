"""The config of two sets, one of them with depth, trains a teacher and a student on files in their owners' layouts."""

from pathlib import Path

import pytest

from handkd.apis.runs import evaluate, train
from handkd.baseline import teacher_config
from handkd.config import load_config
from handkd.studio.layouts import write_layout

CONFIG = Path(__file__).parents[2] / 'configs/pmd/resnet34_dexycb_freihand.py'


@pytest.fixture
def cfg(tmp_path):
    """The config with small networks for two steps, on written sets."""
    for layout in ('dexycb', 'freihand'):
        for _ in write_layout(layout, tmp_path / layout, 8):
            pass
    cfg = load_config(CONFIG)
    cfg.train_cfg.update(max_iters=2, val_interval=2)
    for model in (cfg.model.student, cfg.model.teachers.depth.model):
        model.backbone.update(depth=18, stem='imagenet', base_channels=4)
        model.head.in_channels = 32
    for loader in ('train', 'val', 'test'):
        entry = cfg[f'{loader}_dataloader']
        entry.update(batch_size=4, num_workers=0, persistent_workers=False)
        for dataset in entry.dataset.datasets:
            dataset.data_root = str(tmp_path / {'DexYCBDataset': 'dexycb', 'FreiHANDDataset': 'freihand'}[dataset.type])
    return cfg


def test_the_teacher_sees_one_set_and_the_student_both(cfg, tmp_path):
    teacher = teacher_config(cfg, 'depth')
    teacher.work_dir, cfg.work_dir = str(tmp_path / 'teacher'), str(tmp_path / 'student')
    assert [one.type for one in teacher.train_dataloader.dataset.datasets] == ['DexYCBDataset']
    cfg.model.teachers.depth.checkpoint = str(train(teacher))
    metrics = evaluate(cfg, train(cfg))
    key = 'rel-middle_mcp_gt-scale_21j/EPE_mean'
    assert {key, f'dexycb/{key}', f'freihand/{key}'} < metrics.keys() and next(iter(metrics)) == key
