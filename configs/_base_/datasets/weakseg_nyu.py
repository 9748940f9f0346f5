"""NYU's front camera, trained on its joint labels alone, and the studio's rendered hands with part labels.

The paper's own rendered hands are unpublished: this set has as many (section 5), and a third of them give the patches.
They are upright within 60 degrees, as people hold their hands before a camera, and as NYU's are: dictionaries over the
whole sphere of views have fewer patches that resemble a given one.

NYU has no part labels: segmentation is tested on rendered hands, or, with inception_nyu_parts.py, on labelled images in
data/nyu_parts, in NYU's layout with parts_1_0000001.png and so on next to them. The paper's authors labelled 100, which
are unpublished.

Depth is in a metric cube around middle_mcp, 48x48 px, without background and forearm (Neverova et al. 2017, section 5).
The true joints define the cube and the hand's mask, at test time too, so figures are not comparable with those of a
detector (`handkd test --find-hands`). The paper does not give the size of its cube; its dictionary has 632 hand pixels
per image. DeepPrior's 300 mm would leave less than half as many as this cube, and fingers two pixels wide.

The paper's training (section 5): SGD on single images for f_s, Adam at 0.05 for f_r.

Torch7's learning rate decay is per update. The length of f_r's training is not given ("in 20 min on a single GPU"); 20
passes are ours.
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
    resolution=128,
    sides=['right'],
    randomisation=dict(view=60.0),
    factor=1.5,
    crop_noise=None,
    pipeline=rendered,
)
rendered_train_set = dict(hand, split='train', length=170974)
rendered_test_set = dict(hand, split='test', length=500)
nyu = dict(type='NYUDataset', data_root='data/nyu_hand_dataset_v2/dataset', joint0='palm_6', pipeline=real)
real_train_set = dict(nyu, split='train')
joint_train_set = dict(real_train_set, pipeline=real_shifted)
real_val_set = real_test_set = dict(nyu, split='test')
segmentation_test_set = rendered_test_set
parts_test_set = dict(nyu, data_root='data/nyu_parts', split='test', modalities=['depth', 'parts'], pipeline=real_parts)

patch_dictionary = dict(folder='work_dirs/patch_dictionaries/nyu', dataset=rendered_train_set, maps=56991)

train_dataloader = dict(
    num_workers=4, persistent_workers=True, drop_last=True, sampler=dict(type='ReproducibleSampler')
)
val_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
)
test_dataloader = val_dataloader
segmentation_batch, regression_batch = 1, 64
joint_metric = dict(
    type='HandKeypointMetric', root=None, scale='pred', native=True, plane=True, within=(20, 40), joint_table=True
)

optim_wrapper = dict(type='AutocastOptimWrapper', amp=False, optimizer=dict(type='SGD', lr=0.1))
param_scheduler = [dict(type='InverseTimeLR', decay=1e-5, by_epoch=False)]
train_cfg = dict(by_epoch=False, max_iters=17097400, val_interval=170974)  # 100 passes over the rendered hands

finetune = dict(
    optim_wrapper=dict(optimizer=dict(lr=5.8e-4)),  # 0.1 after step 1's decay, which continues from here
    param_scheduler=[dict(type='InverseTimeLR', decay=5.8e-8, by_epoch=False)],
    train_cfg=dict(by_epoch=False, max_iters=1899720, val_interval=189972),  # 10 times the rendered hands, a tenth real
)
# Options of the stage that continues on rendered hands alone: as long and at the same rate as `finetune`.
longer = {
    'optim_wrapper.optimizer.lr': 5.8e-4,
    'param_scheduler.0.decay': 5.8e-8,
    'train_cfg.max_iters': 1899720,
    'train_cfg.val_interval': 189972,
    'test_evaluator': [dict(type='HandSegmentationMetric')],
}
regress = dict(
    optim_wrapper=dict(optimizer=dict(type='Adam', lr=0.05, fused=True)),
    param_scheduler=[],
    train_cfg=dict(by_epoch=False, max_iters=22740, val_interval=1137),
)
