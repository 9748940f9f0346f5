"""A camera rig of your own for NVS, in the plain form of docs/datasets.md, and its schedule: 128x128 views.

Each view is that of a virtual camera that looks at the hand: the square is the projection of a cube around the lines'
``center``, or the middle finger's base. Lines without joints are used as views; backgrounds are medians over the frames
of each camera and sequence, made on first use. The steps of each training are our choice.
"""

input_size = 128

crop = dict(type='HandCrop', rule='cube', cube=240.0, center='hand')
turn = dict(type='RandomCropNoise', rotation=20.0)
view = dict(type='VirtualCamera', size=input_size)
behind = dict(type='LoadBackground', folder='data/my_rig_backgrounds')
pack = dict(type='PackHandInputs', modalities=['rgb'])
pack_views = dict(type='PackHandInputs', modalities=['rgb', 'background'])

view_train = view_test = [behind, crop, view, pack_views]
view_train_turned = [behind, crop, turn, view, pack_views]
pose_train = pose_test = [crop, view, pack]

rig = dict(type='HandFolderDataset', data_root='data/my_rig', modalities=['rgb'])
train_set = dict(rig, split='train', keep_unlabelled=True)
test_set = dict(rig, split='test')

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
train_cfg = dict(by_epoch=False, max_iters=100000, val_interval=10000)

# Options of the stages whose pose network learns on a frozen encoder, in the config of the supervised network.
frozen = {'model.backbone.frozen': 'all', 'train_cfg.max_iters': 25000, 'train_cfg.val_interval': 5000}
