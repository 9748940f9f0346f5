"""CMU Panoptic for NVS, and its schedule: 128x128 views of a virtual camera that looks at the hand.

Training is on sequences 171026_pose3 and 171204_pose2, test on 171026_pose2 (section 3.1). The square is that of a cube
around the middle finger's base, so that the hand has the same size and place in all views: between two of them only a
rotation is left (Mueller et al. 2020, section 3.1: "to factor out scale and global position"). Training draws groups of
views, labelled images, or both (sections 2.2 and 2.3).

Every 10th frame is taken: a third of a second apart, hands have moved, and the 300,000 images of 4,869 moments are ten
times as many as the paper has labels for. The sets are packed on first use: 410,000 full-HD images are decoded once for
all trainings and tests (configs/nvs/README.md has the count), and the packs take 38 GB.

Adam at 1e-3, as in Rhodin et al. 2018, who find 400k steps good for the views; the paper gives no schedule. The
supervised networks take as many steps as the semi-supervised ones, so that they differ in the views alone; a quarter
for the pose network alone is ours. Validation is at the end: nothing is selected by it, and full frames take long to
read. --amp trains in bfloat16, unlike the paper.
"""

input_size = 128

crop = dict(type='HandCrop', rule='cube', cube=240.0, root='middle_mcp')
turn = dict(type='RandomCropNoise', rotation=20.0)  # the paper rotates in-plane at random, and gives no range
view = dict(type='VirtualCamera', size=input_size)
behind = dict(type='LoadBackground', folder='data/panoptic_backgrounds')
pack = dict(type='PackHandInputs', modalities=['rgb'])
pack_views = dict(type='PackHandInputs', modalities=['rgb', 'background'])

view_train = view_test = [behind, crop, view, pack_views]
view_train_turned = [behind, crop, turn, view, pack_views]
pose_train = pose_test = [crop, view, pack]


def packed(name, sequences, every_nth_frame):
    images = dict(
        type='PanopticHandDataset',
        data_root='data/panoptic',
        split='all',
        sequences=sequences,
        every_nth_frame=every_nth_frame,
    )
    crop = dict(rule='cube', cube=240.0, root='middle_mcp', margin=1.4, size=176)
    recipe = dict(source=images, **crop, modalities=['rgb'], shard=512)
    return dict(type='PackedHandDataset', data_root=f'data/packed/panoptic_nvs_{name}', recipe=recipe)


train_set = packed('train', ['171026_pose3', '171204_pose2'], 10)
test_set = packed('test', ['171026_pose2'], 10)
# About 55 moments of the test sequence, the same in all runs: nothing is selected by them. Backgrounds need 50.
val_set = packed('val', ['171026_pose2'], 300)

# Number of labelled images in the paper's largest scenario.
pool = 28592

loader = dict(num_workers=4, persistent_workers=True)
# All batches are drawn by one sampler: 4 * groups + singles samples.
train_dataloader = dict(loader, drop_last=True, sampler=dict(type='ViewGroupSampler'))
groups = dict(batch_size=32, sampler=dict(groups=8, singles=0))
singles = dict(batch_size=32, sampler=dict(groups=0, singles=32))
groups_and_singles = dict(batch_size=64, sampler=dict(groups=8, singles=32))
val_dataloader = dict(loader, batch_size=64, drop_last=False, sampler=dict(type='DefaultSampler', shuffle=False))
test_dataloader = val_dataloader
views_dataloader = dict(
    loader, batch_size=64, drop_last=False, sampler=dict(type='ViewGroupSampler', groups=16, batches=8, seed=0)
)

# N-MPJPE: relative to the wrist, each hand at the scale that fits best.
val_evaluator = dict(type='HandKeypointMetric', root='wrist', scale='best')
test_evaluator = val_evaluator
views_evaluator = dict(type='ViewSynthesisMetric')

optim_wrapper = dict(type='AutocastOptimWrapper', amp=False, optimizer=dict(type='Adam', lr=1e-3, fused=True))
param_scheduler = []
train_cfg = dict(by_epoch=False, max_iters=400000, val_interval=400000)

# Options of the stages whose pose network learns on a frozen encoder, in the config of the supervised network.
frozen = {
    'model.backbone.frozen': 'all',
    'train_cfg.max_iters': 100000,
    'train_cfg.val_interval': 100000,
}
