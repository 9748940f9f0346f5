"""The studio's rig at 64x64, packed on first use: six people, two sequences each, seen by eight cameras in front.

The cameras stand along an arc of 120 degrees: a short training on a CPU does not learn to see a hand from behind.
"""

_base_ = './nvs_crops.py'

input_size = 64
folder = 'data/rig_backgrounds'

crop, turn = _base_.crop, _base_.turn
behind = dict(type='LoadBackground', folder=folder)
view = dict(type='VirtualCamera', size=input_size)
view_train = [behind, crop, view, _base_.pack_views]
view_train_turned = [behind, crop, turn, view, _base_.pack_views]
view_test = [behind, crop, view, _base_.pack_hands]
pose_train = pose_test = [crop, view, _base_.pack]


def packed(split, modalities, **people):
    rig = dict(type='StudioRigDataset', split=split, views=8, arc=120.0, pace=3, resolution=192, **people)
    crop = dict(rule='cube', cube=240.0, root='middle_mcp', margin=1.4, size=88)
    recipe = dict(source=rig, **crop, modalities=modalities, shard=512)
    return dict(type='PackedHandDataset', data_root=f'data/packed/rig_{split}', recipe=recipe)


masked = dict(modalities=['rgb', 'mask'])  # of val_set and test_set where view_test is their pipeline
train_set = packed('train', ['rgb'], subjects=6, sequences=2, frames=100)
val_set = packed('val', masked['modalities'], subjects=1, sequences=1, frames=48)
test_set = packed('test', masked['modalities'], subjects=4, sequences=1, frames=48)

loader = dict(num_workers=1, persistent_workers=True)
train_dataloader = loader
val_dataloader = loader
test_dataloader = loader
views_dataloader = loader
singles = dict(batch_size=16, sampler=dict(singles=16))
groups_and_singles = dict(batch_size=40, sampler=dict(groups=6, singles=16))

pool = None
