"""EKD on DexYCB (Chao et al. 2021): the angle regulariser and the offset teacher (Eq. 2 to 4)."""

_base_ = [
    '../_base_/runtime.py',
    '../_base_/models/ekd_resnet50.py',
    '../_base_/datasets/dexycb.py',
    '../_base_/schedules/ekd.py',
    '../_base_/stages/ekd.py',
]

crop = dict(type='HandCrop', rule='square', factor=1.25)
noise = dict(type='RandomCropNoise', scale=(0.9, 1.2), shift=0.08)
warp = dict(type='WarpCrop', size=128)
pack = dict(type='PackHandInputs', modalities=['rgb'])

train_dataloader = dict(batch_size=32, dataset=dict(modalities=['rgb'], pipeline=[crop, noise, warp, pack]))
val_dataloader = test_dataloader = dict(dataset=dict(pipeline=[crop, warp, pack]))

angle_limits = dict(file='work_dirs/angle_limits/dexycb_{labels}.json', percentile=0.0)
# As on the paper's sets (section 4.1), then after Procrustes alignment, as the set's owners measure.
val_evaluator = [
    dict(type='HandKeypointMetric', root=None, scale='gt', prefix='gt-depth'),
    dict(type='HandKeypointMetric', root='wrist', scale_bone=('wrist', 'index_mcp'), prefix='gt-depth'),
    dict(type='HandAngleMetric'),
    dict(
        type='HandKeypointMetric',
        root='wrist',
        scale='pred',
        auc=(0, 50, 100),
        also=['pa'],
        prefix='estimated-depth',
    ),
]
test_evaluator = val_evaluator
