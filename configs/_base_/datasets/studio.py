"""The built-in hand studio, rendered straight into 64x64 crops; photograph and depth in training.

No flips: it renders both sides from all directions, so a mirrored image is one that it could have rendered.
"""

input_size = 64

cube = dict(type='DepthToCube', cube=300.0, root='middle_mcp')
pack_rgb = dict(type='PackHandInputs', modalities=['rgb'])
pack_paired = dict(type='PackHandInputs', modalities=['rgb', 'depth'])

hands = dict(type='StudioDataset', resolution=input_size)
loader = dict(batch_size=64, num_workers=2, persistent_workers=True)
in_order = dict(type='DefaultSampler', shuffle=False)
# As many training and test images as RHD has.
train_dataloader = dict(
    drop_last=True,
    sampler=dict(type='ReproducibleSampler'),
    dataset=dict(split='train', length=41258, modalities=['rgb', 'depth'], pipeline=[cube, pack_paired], **hands),
    **loader,
)
val_dataloader = dict(
    drop_last=False,
    sampler=in_order,
    dataset=dict(split='val', length=1000, modalities=['rgb'], pipeline=[pack_rgb], **hands),
    **loader,
)
test_dataloader = dict(
    drop_last=False,
    sampler=in_order,
    dataset=dict(split='test', length=2728, modalities=['rgb'], pipeline=[pack_rgb], **hands),
    **loader,
)
val_evaluator = dict(type='HandKeypointMetric', root='middle_mcp', scale='gt')
test_evaluator = val_evaluator
