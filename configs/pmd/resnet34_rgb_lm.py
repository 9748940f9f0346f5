"""PMD-Net's student alone, on LM (Gomez-Donoso et al. 2017), which has no depth; split by sequence."""

_base_ = [
    '../_base_/runtime.py',
    '../_base_/models/pmd_resnet34.py',
    '../_base_/schedules/pmd.py',
]

model = dict(_base_.model.student, _delete_=True)

crop = dict(type='HandCrop', rule='square', factor=1.25)
warp = dict(type='WarpCrop', size=64)
pack_rgb = dict(type='PackHandInputs', modalities=['rgb'])

source = dict(
    type='LMDataset',
    data_root='data/multiview_hand_pose_dataset',
    modalities=['rgb'],
    pipeline=[crop, warp, pack_rgb],
)
train_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='ReproducibleSampler'),
    dataset=dict(source, split='train'),
)
val_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(source, split='test'),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='HandKeypointMetric', root='middle_mcp', scale='gt')
test_evaluator = val_evaluator
