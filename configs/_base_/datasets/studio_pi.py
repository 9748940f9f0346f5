"""The hand studio as a small paired set at 96x96: hands upright within 50 degrees, masks of the hand from its depth.

Few pairs and many unpaired depth images: the setting in which depth can help most.
"""

input_size = 96

mask = dict(type='HandMaskFromDepth')
cube = dict(type='DepthToCube', cube=300.0, root='middle_mcp')
pack_rgb = dict(type='PackHandInputs', modalities=['rgb'])
pack_all = dict(type='PackHandInputs', modalities=['rgb', 'depth'], fields=['hand_mask'])

hands = dict(type='StudioDataset', resolution=input_size, randomisation=dict(view=50.0))
loader = dict(num_workers=2, persistent_workers=True)
in_order = dict(type='DefaultSampler', shuffle=False)
train_dataloader = dict(
    batch_size=32,
    drop_last=True,
    sampler=dict(type='ReproducibleSampler'),
    dataset=dict(split='train', length=400, modalities=['rgb', 'depth'], pipeline=[mask, cube, pack_all], **hands),
    **loader,
)
val_dataloader = dict(
    batch_size=64,
    drop_last=False,
    sampler=in_order,
    dataset=dict(split='val', length=200, modalities=['rgb'], pipeline=[pack_rgb], **hands),
    **loader,
)
test_dataloader = dict(
    batch_size=64,
    drop_last=False,
    sampler=in_order,
    dataset=dict(split='test', length=1000, modalities=['rgb'], pipeline=[pack_rgb], **hands),
    **loader,
)
val_evaluator = dict(type='HandKeypointMetric', root='middle_mcp', scale='gt')
test_evaluator = val_evaluator
