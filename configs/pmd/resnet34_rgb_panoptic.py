"""PMD-Net's student alone, on CMU Panoptic (Joo et al.), which has no depth.

Hands in the HD cameras, split by sequence, packed on first use. Every 10th frame is taken, a third of a second apart:
neighbouring frames are nearly equal, and each has 31 images.
"""

_base_ = [
    '../_base_/runtime.py',
    '../_base_/models/pmd_resnet34.py',
    '../_base_/schedules/pmd.py',
]

model = dict(_base_.model.student, _delete_=True)

crop = dict(type='HandCrop', rule='square', factor=1.25)
warp = dict(type='WarpCrop', size=64)
pack_rgb = dict(type='PackHandInputs', modalities=['rgb'])


def packed(name, split, every_nth_frame):
    images = dict(type='PanopticHandDataset', data_root='data/panoptic', split=split, every_nth_frame=every_nth_frame)
    recipe = dict(source=images, rule='square', factor=1.25, size=160, modalities=['rgb'], shard=512)
    steps = [crop, warp, pack_rgb]
    return dict(type='PackedHandDataset', data_root=f'data/packed/panoptic_{name}', recipe=recipe, pipeline=steps)


train_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='ReproducibleSampler'),
    dataset=packed('train', 'train', 10),
)
# A few moments of the test sequences, the same in all runs, to monitor a training: select nothing by them.
val_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=packed('val', 'test', 300),
)
test_dataloader = dict(val_dataloader, dataset=packed('test', 'test', 10))
val_evaluator = dict(type='HandKeypointMetric', root='middle_mcp', scale='gt')
test_evaluator = val_evaluator
