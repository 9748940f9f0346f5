"""The config for COCO-style hands trains on files in the layout of MMPose's sets, by our reader and by its classes."""

import numpy as np
import pytest

from handkd.apis.runs import evaluate, train
from handkd.commands import check_dataset
from handkd.config import load_config
from tests.commands.test_check_dataset import ROOT
from tests.datasets.coco_sets import SETS, write_set


def small(folder, **sets):
    """The config with a narrow network at 96x96, for three steps on given sets."""
    cfg = load_config(ROOT / 'configs/pi/cpm2d_rgb_coco.py')
    cfg.work_dir = str(folder / 'run')
    cfg.train_cfg.update(max_iters=3, val_interval=3)
    cfg.model.backbone.base_channels = 8
    cfg.model.head.update(in_channels=16, first_channels=64, channels=16)
    cfg.model.head.codec.update(input_size=96, heatmap_size=12, enlarge=False)
    for loader in ('train', 'val', 'test'):
        entry = cfg[f'{loader}_dataloader']
        entry.update(batch_size=2, num_workers=0, persistent_workers=False)
        for step in entry.dataset.pipeline:
            if step.type == 'WarpCrop':
                step.size = 96
        entry.dataset = dict(sets, pipeline=entry.dataset.pipeline)
    return cfg


@pytest.mark.parametrize('name', ['onehand10k', 'rhd', 'coco_wholebody'])
@pytest.mark.parametrize('reader', ['ours', 'theirs'])
def test_a_2d_network_trains_on_a_set_without_3d_labels(name, reader, tmp_path):
    write_set(tmp_path, name)
    theirs = dict(type=SETS[name]['type'], data_root=str(tmp_path), ann_file=f'annotations/{name}_train.json')
    sets = dict(
        ours=dict(type='CocoHandDataset', data_root=str(tmp_path), split=f'{name}_train'),
        theirs=dict(type='MMPoseHandDataset', dataset=theirs),
    )
    cfg = small(tmp_path, **sets[reader])
    metrics = evaluate(cfg, train(cfg))
    assert metrics and np.isfinite(list(metrics.values())).all()


@pytest.mark.parametrize('form', ['CocoHandDataset', 'OneHand10KDataset', 'MMPoseHandDataset'])
def test_a_check_reads_the_set_of_any_of_the_classes(form, tmp_path, capsys):
    write_set(tmp_path, 'onehand10k')
    plain = dict(type='OneHand10KDataset', data_root=str(tmp_path), ann_file='annotations/onehand10k_train.json')
    sets = dict(
        CocoHandDataset=dict(type='CocoHandDataset', data_root=str(tmp_path), split='onehand10k_train'),
        OneHand10KDataset=plain,
        MMPoseHandDataset=dict(type='MMPoseHandDataset', dataset=plain),
    )
    (tmp_path / 'own.py').write_text(
        f"default_scope = 'handkd'\ntrain_dataloader = dict(dataset=dict({sets[form]!r}, pipeline=[]))\n"
    )
    check_dataset.main([str(tmp_path / 'own.py'), '--out', str(tmp_path / 'out'), '--workers', '0'])
    out = capsys.readouterr().out
    assert (
        '3 samples, 3 checked' in out and '20.3 labelled per sample' in out and (tmp_path / 'out/sheet.png').is_file()
    )


def test_mmposes_record_in_our_pipeline_names_the_wrapper(tmp_path):
    write_set(tmp_path, 'onehand10k')
    plain = dict(type='OneHand10KDataset', data_root=str(tmp_path), ann_file='annotations/onehand10k_train.json')
    with pytest.raises(ValueError, match="PackHandInputs needs 'img', .*MMPoseHandDataset"):
        train(small(tmp_path, **plain))
