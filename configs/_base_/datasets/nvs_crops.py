"""128x128 views of a virtual camera that looks at the hand, with their empty backgrounds, and their loading.

The square is that of a cube around the middle finger's base, so that the hand has the same size and place in all
views: between two of them only a rotation is left (Mueller et al. 2020, section 3.1: "to factor out scale and global
position"). Training draws groups of views, labelled images, or both (sections 2.2 and 2.3).
"""

input_size = 128

crop = dict(type='HandCrop', rule='cube', cube=240.0, root='middle_mcp')
turn = dict(type='RandomCropNoise', rotation=20.0)  # the paper rotates in-plane at random, and gives no range
view = dict(type='VirtualCamera', size=input_size)
pack = dict(type='PackHandInputs', modalities=['rgb'])
pack_views = dict(type='PackHandInputs', modalities=['rgb', 'background'])
pack_hands = dict(pack_views, fields=['hand_mask'])  # for the error of synthesised views on the hand

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
