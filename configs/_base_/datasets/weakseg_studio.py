"""The hand studio in two domains: rendered, with part labels and exact depth; and 'real', with a sensor's depth.

The 'real' hands are of other people, and training uses their joints alone: their parts are for evaluation.

Depth is in a metric cube around middle_mcp, 48x48 px, without background and forearm (Neverova et al. 2017, section 5).
The true joints define the cube and the hand's mask, at test time too, so figures are not comparable with those of a
detector (`handkd test --find-hands`). The paper does not give the size of its cube; its dictionary has 632 hand pixels
per image. DeepPrior's 300 mm would leave less than half as many as this cube, and fingers two pixels wide.

Short schedules for the studio on a CPU, of our choice: the rate rises from 0 and falls to 0 along a cosine.
"""

input_size = 48

crop = [dict(type='HandCrop', rule='cube', cube=220.0), dict(type='WarpCrop', size=input_size)]
mask = dict(type='HandMaskFromDepth', forearm=5.0)
# Ours, in every row of Table 4: the cube moves along x and y by up to 4.3 % of its edge (standard deviation 5.5 mm).
shift = dict(type='RandomCropNoise', shift=0.043)
cube = dict(type='DepthToCube', cube=220.0, hand_only=True)
joints = dict(type='PackHandInputs', modalities=['depth'])
parts = dict(type='PackHandInputs', modalities=['depth'], fields=['part_seg'])

# Rendered hands come with their masks, real ones are segmented in the depth by their joints.
rendered = [*crop, cube, parts]
real = [*crop, mask, cube, joints]  # restored maps belong to one crop of each image: nothing random
real_shifted = [crop[0], shift, crop[1], mask, cube, joints]
real_parts = [*crop, mask, cube, parts]

hand = dict(
    type='StudioDataset',
    modalities=['depth'],
    resolution=96,
    sides=['right'],
    randomisation=dict(view=40.0),
    factor=1.5,
    crop_noise=None,
)
# A poorer sensor than the studio's 'kinect', with which rendered and 'real' depth hardly differ for the network.
sensed = dict(hand, depth_sensor=dict(preset='kinect', noise=12.0, step=12.0, holes=0.6, flying=0.4))

rendered_train_set = dict(hand, split='train', length=20000, seed=1, pipeline=rendered)
rendered_test_set = dict(hand, split='test', length=200, seed=1, pipeline=rendered)
real_train_set = dict(sensed, split='train', length=1500, pipeline=real)
joint_train_set = dict(real_train_set, pipeline=real_shifted)
real_val_set = dict(sensed, split='val', length=200, pipeline=real)
real_test_set = dict(sensed, split='test', length=1000, pipeline=real)
segmentation_test_set = dict(sensed, split='test', length=200, pipeline=real_parts)

patch_dictionary = dict(folder='work_dirs/patch_dictionaries/studio', dataset=rendered_train_set, maps=6000)

loader = dict(num_workers=1, persistent_workers=True)
train_dataloader = dict(loader, drop_last=True, sampler=dict(type='ReproducibleSampler'))
val_dataloader = dict(loader, batch_size=50, drop_last=False, sampler=dict(type='DefaultSampler', shuffle=False))
test_dataloader = val_dataloader
segmentation_batch, regression_batch = 8, 32
joint_metric = dict(type='HandKeypointMetric', root=None, scale='pred', plane=True, within=(20, 40))

warmup = dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=50)

optim_wrapper = dict(type='AutocastOptimWrapper', optimizer=dict(type='Adam', lr=5e-3, fused=True))
param_scheduler = [warmup, dict(type='CosineAnnealingLR', eta_min=0.0, by_epoch=False, begin=50, end=2500)]
train_cfg = dict(by_epoch=False, max_iters=2500, val_interval=1250)

finetune = dict(
    optim_wrapper=dict(optimizer=dict(lr=2e-3)),
    param_scheduler=[warmup, dict(type='CosineAnnealingLR', eta_min=0.0, by_epoch=False, begin=50, end=1000)],
    train_cfg=dict(by_epoch=False, max_iters=1000, val_interval=500),
)
# Options of the stage that continues on rendered hands alone: as long and at the same rate as `finetune`.
longer = {
    'optim_wrapper.optimizer.lr': 2e-3,
    'param_scheduler.1.end': 1000,
    'train_cfg.max_iters': 1000,
    'train_cfg.val_interval': 500,
    'test_evaluator': [dict(type='HandSegmentationMetric')],
}
regress = dict(
    optim_wrapper=dict(optimizer=dict(lr=2e-3)),
    param_scheduler=[warmup, dict(type='CosineAnnealingLR', eta_min=0.0, by_epoch=False, begin=50, end=800)],
    train_cfg=dict(by_epoch=False, max_iters=800, val_interval=400),
)
