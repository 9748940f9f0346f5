"""EKD on FreiHAND (Zimmermann et al. 2019): all four copies in training; the evaluation set has published labels."""

_base_ = [
    '../_base_/runtime.py',
    '../_base_/models/ekd_resnet50.py',
    '../_base_/schedules/ekd.py',
    '../_base_/stages/ekd.py',
]

input_size = 128

crop = dict(type='HandCrop', rule='square', factor=1.25)
noise = dict(type='RandomCropNoise', scale=(0.9, 1.2), shift=0.08)
warp = dict(type='WarpCrop', size=input_size)
pack = dict(type='PackHandInputs', modalities=['rgb'])

source = dict(type='FreiHANDDataset', data_root='data/FreiHAND_pub_v2', modalities=['rgb'])
loader = dict(num_workers=4, persistent_workers=True)
train_dataloader = dict(
    batch_size=32,
    drop_last=True,
    sampler=dict(type='ReproducibleSampler'),
    dataset=dict(split='training', pipeline=[crop, noise, warp, pack], **source),
    **loader,
)
val_dataloader = dict(
    batch_size=64,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(split='evaluation', pipeline=[crop, warp, pack], **source),
    **loader,
)
test_dataloader = val_dataloader

angle_limits = dict(file='work_dirs/angle_limits/freihand_{labels}.json', percentile=0.0)
# First the paper's protocol: the error in the camera's frame, given the true depth of the root and the true scale
# (section 4.1). Then the same joints relative to the root, V.F., and after Procrustes alignment, as FreiHAND is scored.
val_evaluator = [
    dict(type='HandKeypointMetric', root=None, scale='gt', prefix='gt-depth'),
    dict(type='HandKeypointMetric', root='wrist', scale_bone=('wrist', 'index_mcp'), prefix='gt-depth'),
    dict(type='HandAngleMetric'),
    dict(type='HandKeypointMetric', root=None, scale=None, auc=(0, 50, 100)),
]
test_evaluator = val_evaluator
