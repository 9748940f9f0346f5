"""The hand studio at 96x96, with masks of the hand from its depth."""

_base_ = './studio.py'

input_size = 96

mask = dict(type='HandMaskFromDepth')
cube = dict(type='DepthToCube', cube=300.0, root='middle_mcp')
masked_train = [mask, dict(type='PackHandInputs', modalities=['rgb'], fields=['hand_mask'])]
paired_masked_train = [mask, cube, dict(type='PackHandInputs', modalities=['rgb', 'depth'], fields=['hand_mask'])]

train_dataloader = dict(batch_size=32, dataset=dict(resolution=input_size))
val_dataloader = dict(dataset=dict(resolution=input_size))
test_dataloader = dict(dataset=dict(resolution=input_size))
