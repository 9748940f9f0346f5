"""The hand studio as a small paired set at 96x96: hands upright within 50 degrees, masks of the hand from its depth."""

_base_ = './studio.py'

input_size = 96

mask = dict(type='HandMaskFromDepth')
cube = dict(type='DepthToCube', cube=300.0, root='middle_mcp')
masked_train = [mask, dict(type='PackHandInputs', modalities=['rgb'], fields=['hand_mask'])]
paired_masked_train = [mask, cube, dict(type='PackHandInputs', modalities=['rgb', 'depth'], fields=['hand_mask'])]

upright = dict(resolution=input_size, randomisation=dict(view=50.0))
# Few pairs and many unpaired depth images: the setting in which depth can help most.
train_dataloader = dict(batch_size=32, dataset=dict(length=400, **upright))
val_dataloader = dict(dataset=dict(length=200, **upright))
test_dataloader = dict(dataset=dict(length=1000, **upright))
