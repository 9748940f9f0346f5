"""The studio's rig for NVS at 64x64, and its schedules: six people, two sequences each, eight cameras in front.

The cameras stand along an arc of 120 degrees: a short training on a CPU does not learn to see a hand from behind. The
sets are packed on first use. The square is that of a cube around the middle finger's base, so that the hand has the
same size and place in all views: between two of them only a rotation is left (Mueller et al. 2020, section 3.1: "to
factor out scale and global position"). Training draws groups of views, labelled images, or both (sections 2.2 and 2.3).

The schedules for a CPU are of our choice: each time the rate rises from 0 and falls along a cosine. Supervised and
semi-supervised networks share theirs, so that they differ in the views alone. The pose network has weight decay,
against overfitting a handful of labels; if lambda_F is changed, scale the decay with it.
"""

input_size = 64

crop = dict(type='HandCrop', rule='cube', cube=240.0, root='middle_mcp')
turn = dict(type='RandomCropNoise', rotation=20.0)  # the paper rotates in-plane at random, and gives no range
view = dict(type='VirtualCamera', size=input_size)
behind = dict(type='LoadBackground', folder='data/rig_backgrounds')
pack = dict(type='PackHandInputs', modalities=['rgb'])
pack_views = dict(type='PackHandInputs', modalities=['rgb', 'background'])
pack_hands = dict(pack_views, fields=['hand_mask'])  # for the error of synthesised views on the hand

view_train = [behind, crop, view, pack_views]
view_train_turned = [behind, crop, turn, view, pack_views]
view_test = [behind, crop, view, pack_hands]
pose_train = pose_test = [crop, view, pack]


def packed(split, modalities, **people):
    rig = dict(type='StudioRigDataset', split=split, views=8, arc=120.0, pace=3, resolution=192, **people)
    crop = dict(rule='cube', cube=240.0, root='middle_mcp', margin=1.4, size=88)
    recipe = dict(source=rig, **crop, modalities=modalities, shard=512)
    return dict(type='PackedHandDataset', data_root=f'data/packed/rig_{split}', recipe=recipe)


masked = dict(modalities=['rgb', 'mask'])  # of val_set and test_set where view_test is their pipeline
train_set = packed('train', ['rgb'], subjects=6, sequences=2, frames=100)
val_set = packed('val', masked['modalities'], subjects=1, sequences=1, frames=48)
test_set = packed('test', masked['modalities'], subjects=4, sequences=1, frames=48)
pool = None

loader = dict(num_workers=1, persistent_workers=True)
# All batches are drawn by one sampler: 4 * groups + singles samples.
train_dataloader = dict(loader, drop_last=True, sampler=dict(type='ViewGroupSampler'))
groups = dict(batch_size=32, sampler=dict(groups=8, singles=0))
singles = dict(batch_size=16, sampler=dict(groups=0, singles=16))
groups_and_singles = dict(batch_size=40, sampler=dict(groups=6, singles=16))
val_dataloader = dict(loader, batch_size=64, drop_last=False, sampler=dict(type='DefaultSampler', shuffle=False))
test_dataloader = val_dataloader
views_dataloader = dict(
    loader, batch_size=64, drop_last=False, sampler=dict(type='ViewGroupSampler', groups=16, batches=8, seed=0)
)

# N-MPJPE: relative to the wrist, each hand at the scale that fits best.
val_evaluator = dict(type='HandKeypointMetric', root='wrist', scale='best')
test_evaluator = val_evaluator
views_evaluator = dict(type='ViewSynthesisMetric')

warmup = dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=100)
optim_wrapper = dict(
    type='AutocastOptimWrapper',
    amp=True,
    optimizer=dict(type='Adam', lr=2e-3, weight_decay=1e-4, fused=True),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(decay_mult=0.0), distillers=dict(decay_mult=0.0))),
)
param_scheduler = [warmup, dict(type='CosineAnnealingLR', eta_min=0.0, by_epoch=False, begin=100, end=1500)]
train_cfg = dict(by_epoch=False, max_iters=1500, val_interval=1500)

pose = dict(
    param_scheduler=[warmup, dict(type='CosineAnnealingLR', eta_min=0.0, by_epoch=False, begin=100, end=1000)],
    train_cfg=dict(by_epoch=False, max_iters=1000, val_interval=1000),
)
# Options of the stages whose pose network learns on a frozen encoder, in the config of the supervised network.
frozen = {
    'model.backbone.frozen': 'all',
    'optim_wrapper.optimizer.lr': 1e-3,
    'param_scheduler.1.end': 400,
    'train_cfg.max_iters': 400,
    'train_cfg.val_interval': 400,
}
