"""The hand studio as a large set of depth images without colour, of people who are in no other studio set.

A stand-in for BigHand2.2M: another seed, and depth with the noise and the holes of a real sensor.
"""

input_size = 64

cube = dict(type='DepthToCube', cube=300.0, root='middle_mcp')
pack_depth = dict(type='PackHandInputs', modalities=['depth'])

hands = dict(
    type='StudioDataset',
    seed=1,
    resolution=input_size,
    modalities=['depth'],
    depth_sensor='kinect',
    pipeline=[cube, pack_depth],
)
loader = dict(batch_size=64, num_workers=2, persistent_workers=True)
in_order = dict(type='DefaultSampler', shuffle=False)
train_dataloader = dict(
    drop_last=True,
    sampler=dict(type='ReproducibleSampler'),
    dataset=dict(split='train', length=500000, **hands),
    **loader,
)
# Few: no table reports a network trained on this set.
val_dataloader = dict(drop_last=False, sampler=in_order, dataset=dict(split='val', length=100, **hands), **loader)
test_dataloader = dict(drop_last=False, sampler=in_order, dataset=dict(split='test', length=100, **hands), **loader)
val_evaluator = dict(type='HandKeypointMetric', root='middle_mcp', scale='gt')
test_evaluator = val_evaluator
