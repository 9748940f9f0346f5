"""Which checkpoints a run begins with, goes on from, or refuses."""

import json

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config

from handkd.apis.run_state import check_resumable
from handkd.apis.runs import evaluate, train
from handkd.models import CheckpointError, read_checkpoint


class Payload:
    """Would make a file, were its code run."""

    def __init__(self, victim):
        self.victim = str(victim)

    def __reduce__(self):
        return open, (self.victim, 'w')


@pytest.fixture
def victim(tmp_path):
    return tmp_path / 'victim'


@pytest.fixture(params=[True, False], ids=['zip', 'old format'])
def hostile(request, tmp_path, victim):
    path = tmp_path / 'hostile.pth'
    content = dict(state_dict={'w': torch.ones(1)}, meta=dict(epoch=0, iter=0, note=Payload(victim)))
    torch.save(content, path, _use_new_zipfile_serialization=request.param)
    return str(path)


def test_no_way_into_a_training_runs_code_of_a_checkpoint(tiny_cfg, hostile, victim):
    backbone, start, resumed = tiny_cfg(1), tiny_cfg(1), tiny_cfg(1)
    backbone.model.backbone.init_cfg = dict(type='Pretrained', checkpoint=hostile)
    start.load_from = hostile
    resumed.merge_from_dict(dict(load_from=hostile, resume=True))  # as --cfg-options sets them
    for cfg in (backbone, start, resumed):
        with pytest.raises(CheckpointError, match=r'hostile\.pth is refused.*requests \w+\.open'):
            train(cfg)
    with pytest.raises(CheckpointError, match='is refused'):
        train(tiny_cfg(1), resume=hostile)
    assert not victim.exists()


OTHERS = {
    'a list': ([torch.ones(1)], r'other\.pth is not a checkpoint: expected a dict of weights, found a list'),
    'another program': ({'model': {}, 'epoch': 3}, r'other\.pth is a checkpoint of another program: .* model, epoch'),
    'a text': ('text', r'other\.pth is not a checkpoint: it is not a file that torch\.save wrote'),
}


@pytest.mark.parametrize('case', OTHERS)
def test_what_is_no_checkpoint_is_named_wherever_it_is_given(tiny_cfg, tmp_path, case):
    path, (content, said) = tmp_path / 'other.pth', OTHERS[case]
    path.write_text(content) if isinstance(content, str) else torch.save(content, path)
    backbone, start = tiny_cfg(1), tiny_cfg(1)
    backbone.model.backbone.init_cfg = dict(type='Pretrained', checkpoint=str(path))
    start.load_from = str(path)
    for run in (lambda: train(backbone), lambda: train(start), lambda: evaluate(tiny_cfg(1), path)):
        with pytest.raises(CheckpointError, match=said):
            run()
    with pytest.raises(CheckpointError, match=said if case != 'another program' else r'other\.pth has no .*load_from'):
        train(tiny_cfg(1), resume=str(path))


def _hub(**info):
    return dict(log_scalars={}, runtime_info=info, resumed_keys={})


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        (dict(meta=[1]), "'meta' has no counts"),
        (dict(meta=dict(epoch='1', iter=2)), "'meta' has no counts"),
        (dict(meta=dict(epoch=1, iter=2, seed='1')), "'seed' in 'meta' is not a number"),
        (dict(optimizer=[1]), "'optimizer' is not a dict"),
        (dict(param_schedulers=3), "'param_schedulers' is not a list"),
        (dict(meta=dict(epoch=0, iter=1 << 60)), "'meta' has no counts"),
        (dict(meta=dict(epoch=0, iter=1, samples=3)), "'samples' in 'meta' are not counts"),
        (dict(meta=dict(epoch=0, iter=1, seed=-1)), "'seed' in 'meta'"),
        (dict(message_hub={}), "'message_hub' has no logs"),
        (dict(message_hub=dict(log_scalars={})), "'message_hub' has no state"),
        (dict(message_hub=_hub(keep_ckpt_ids=['x/../../other'])), "'message_hub' has no state"),
        (dict(message_hub=_hub(best_ckpt=3)), "'message_hub' has no state"),
        (dict(message_hub=_hub(best_score_PCK='high')), "'message_hub' has no state"),
        (dict(message_hub=dict(log_scalars=3)), "'message_hub' has no logs"),
        (dict(message_hub=dict(log_scalars=dict(loss=[torch.ones(2), torch.ones(3)]))), "'message_hub' has no logs"),
        (dict(message_hub=dict(log_scalars=dict(loss=3))), "'message_hub' has no logs"),
    ],
)
def test_entries_that_no_run_can_go_on_from_are_named(tmp_path, change, said):
    hub = dict(log_scalars={}, runtime_info={}, resumed_keys={})
    whole = dict(meta=dict(epoch=0, iter=1), state_dict={}, optimizer={}, message_hub=hub, param_schedulers=[])
    check_resumable(whole, 'a.pth')
    with pytest.raises(CheckpointError, match=rf'^a\.pth is not a checkpoint of a run of handkd: .*{said}'):
        check_resumable(whole | change, 'a.pth')


@pytest.mark.parametrize('forged', [{}, dict(state={}, param_groups=[]), dict(state=3, param_groups=3)])
def test_the_state_of_another_optimizer_is_named(tiny_cfg, tmp_path, forged):
    checkpoint = read_checkpoint(train(tiny_cfg(1)))
    torch.save(checkpoint | dict(optimizer=forged), tmp_path / 'forged.pth')
    with pytest.raises(CheckpointError, match=r'forged\.pth: the state of its optimizer does not fit this run'):
        train(tiny_cfg(2), resume=str(tmp_path / 'forged.pth'))


def _forge_moment(checkpoint):
    checkpoint['optimizer']['state'][0]['exp_avg'] = torch.zeros(7)


def _forge_step(checkpoint):
    checkpoint['optimizer']['state'][0]['step'] = torch.zeros(0)


def _forge_group(checkpoint):
    checkpoint['optimizer']['param_groups'][0]['weight_decay'] = torch.zeros(2)


def _forge_schedule(checkpoint):
    checkpoint['param_schedulers'][0]['step'] = 3  # would take the place of the method


def _forge_progress(checkpoint):
    checkpoint['param_schedulers'][0]['last_step'] = 'x'


@pytest.mark.parametrize('forge', [_forge_moment, _forge_step, _forge_group, _forge_schedule, _forge_progress])
def test_forged_states_of_optimizer_and_schedules_are_named(tiny_cfg, tmp_path, forge):
    checkpoint = read_checkpoint(train(tiny_cfg(1)))
    forge(checkpoint)
    torch.save(checkpoint, tmp_path / 'forged.pth')
    with pytest.raises(CheckpointError, match=r'forged\.pth: the state of its optimizer does not fit this run[^\n]*$'):
        train(tiny_cfg(2), resume=str(tmp_path / 'forged.pth'))


def test_moments_that_repeat_few_numbers_get_memory_of_their_own(tiny_cfg, tmp_path):
    checkpoint = read_checkpoint(train(tiny_cfg(1)))
    for state in checkpoint['optimizer']['state'].values():
        state['exp_avg'] = torch.zeros(1).expand(state['exp_avg'].shape)
    torch.save(checkpoint, tmp_path / 'forged.pth')
    moments = read_checkpoint(train(tiny_cfg(2), resume=str(tmp_path / 'forged.pth')))['optimizer']['state']
    assert all(0 not in state['exp_avg'].stride() or state['exp_avg'].numel() == 1 for state in moments.values())


def test_a_count_of_steps_beyond_the_end_is_not_followed(tiny_cfg, tmp_path):
    checkpoint = read_checkpoint(train(tiny_cfg(1)))
    checkpoint['meta']['iter'] = 1 << 52
    checkpoint['meta'].pop('samples')
    checkpoint['meta'].pop('samples_per_step')
    torch.save(checkpoint, tmp_path / 'far.pth')
    cfg = tiny_cfg(2)
    cfg.optim_wrapper.optimizer.lr = 2e-3  # another schedule, which is followed from the beginning
    train(cfg, resume=str(tmp_path / 'far.pth'))


def test_a_planted_last_checkpoint_runs_no_code(tiny_cfg, hostile, victim, tmp_path):
    (tmp_path / 'run').mkdir()
    (tmp_path / 'run' / 'last_checkpoint').write_text(hostile)
    cfg = tiny_cfg(1)
    cfg.resume = True
    assert train(cfg).name == 'iter_1.pth'  # of such a path the name counts, inside the folder
    assert not victim.exists()


def test_the_config_in_a_checkpoint_is_not_executed_on_resuming(tiny_cfg, victim):
    checkpoint = read_checkpoint(train(tiny_cfg(2)))
    checkpoint['meta']['config'] = f'open({str(victim)!r}, "w")'
    path = victim.with_name('changed.pth')
    torch.save(checkpoint, path)
    train(tiny_cfg(3), resume=str(path))
    assert not victim.exists()


def test_a_missing_file_of_a_part_is_named(tiny_cfg, tmp_path):
    cfg = tiny_cfg(1)
    cfg.model.backbone.init_cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'none.pth'))
    with pytest.raises(FileNotFoundError, match=r'no checkpoint at .*none\.pth'):
        train(cfg)


def test_a_url_begins_a_training_and_is_resumed(tiny_cfg, tmp_path, monkeypatch):
    first = train(tiny_cfg(2))
    monkeypatch.setattr('torch.hub.get_dir', lambda: str(tmp_path / 'hub'))
    monkeypatch.setattr(
        'torch.hub.download_url_to_file',
        lambda url, target, progress: open(target, 'wb').write(first.read_bytes()),  # noqa: SIM115
    )
    start = tiny_cfg(1, 'start')
    start.load_from = 'https://weights.example/first.pth'
    train(start)
    assert train(tiny_cfg(3, 'resumed'), resume='https://weights.example/first.pth').name == 'iter_3.pth'
    metrics = evaluate(tiny_cfg(1, 'test'), 'https://weights.example/first.pth')
    assert metrics


@pytest.fixture
def topdown(tmp_path):
    """A config of MMPose's own estimator on its own data set, whose meta information holds arrays."""
    points = np.stack([np.arange(20, 209, 9), np.arange(30, 219, 9), np.full(21, 2)], -1)
    images, labels = [], []
    for i in range(4):
        cv2.imwrite(str(tmp_path / f'{i}.jpg'), np.full((224, 224, 3), 60 * i, np.uint8))
        images.append(dict(id=i, file_name=f'{i}.jpg', width=224, height=224))
        labels.append(
            dict(
                id=i,
                image_id=i,
                category_id=1,
                bbox=[0, 0, 224, 224],
                area=50176,
                iscrowd=0,
                segmentation=[],
                keypoints=points.ravel().tolist(),
                num_keypoints=21,
            )
        )
    categories = [dict(id=1, name='hand')]
    (tmp_path / 'labels.json').write_text(json.dumps(dict(images=images, annotations=labels, categories=categories)))
    codec = dict(type='MSRAHeatmap', input_size=(64, 64), heatmap_size=(16, 16), sigma=2)
    pipeline = [
        dict(type='LoadImage'),
        dict(type='GetBBoxCenterScale'),
        dict(type='TopdownAffine', input_size=(64, 64)),
        dict(type='GenerateTarget', encoder=codec),
        dict(type='PackPoseInputs'),
    ]

    def build(max_iters, cfg):
        dataset = dict(
            type='FreiHandDataset',
            data_root=str(tmp_path),
            ann_file='labels.json',
            data_prefix=dict(img=''),
            pipeline=pipeline,
        )
        cfg.model = dict(
            type='TopdownPoseEstimator',
            data_preprocessor=dict(type='PoseDataPreprocessor'),
            backbone=dict(type='ResNet', depth=18, base_channels=8, stem_channels=8),
            head=dict(
                type='HeatmapHead',
                in_channels=64,
                out_channels=21,
                deconv_out_channels=(8, 8, 8),
                deconv_kernel_sizes=(4, 4, 4),
                loss=dict(type='KeypointMSELoss'),
                decoder=codec,
            ),
        )
        for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
            cfg[loader].update(batch_size=2, dataset=dataset)
        cfg.val_evaluator = cfg.test_evaluator = dict(type='EPE')
        cfg.optim_wrapper.amp = False  # MMPose's head turns its output to numpy, which has no bfloat16
        return Config(cfg.to_dict())

    return build


def test_a_checkpoint_with_mmpose_metainfo_is_evaluated_and_resumed(tiny_cfg, topdown):
    checkpoint = train(topdown(2, tiny_cfg(2)))
    colors = read_checkpoint(checkpoint)['meta']['dataset_meta']['keypoint_colors']
    assert colors.dtype == np.uint8 and colors.shape == (21, 3)
    assert 'EPE' in evaluate(topdown(2, tiny_cfg(2)), checkpoint)
    assert train(topdown(4, tiny_cfg(4)), resume='auto').name == 'iter_4.pth'
