"""InterHand2.6M for NVS: single hands in a rig of 80 to 140 cameras; views, crops and schedule are those of Panoptic.

Every 5th frame of a sequence is taken, a second apart at 5 fps. The sets are packed on first use. A hand stays near the
middle of the rig, so that the median backgrounds are those of whole captures. All labelled images are the pool of the
label budgets: how many the paper's share of them is, is not known for this set.
"""

_base_ = './nvs_panoptic.py'

behind = dict(type='LoadBackground', folder='data/interhand_backgrounds')
view_train = [behind, _base_.crop, _base_.view, _base_.pack_views]
view_test = view_train
view_train_turned = [behind, _base_.crop, _base_.turn, _base_.view, _base_.pack_views]


def packed(split, every_nth_frame):
    images = dict(
        type='InterHand26MDataset',
        data_root='data/InterHand2.6M_5fps_batch1',
        split=split,
        hands='single',
        every_nth_frame=every_nth_frame,
        need_joints=['wrist', 'middle_mcp'],
    )
    crop = dict(rule='cube', cube=240.0, root='middle_mcp', margin=1.4, size=176)
    recipe = dict(source=images, **crop, modalities=['rgb'], shard=512)
    data_root = f'data/packed/interhand_nvs_{split}'
    return dict(type='PackedHandDataset', data_root=data_root, recipe=recipe, _delete_=True)


train_set = packed('train', 5)
val_set = packed('val', 50)
test_set = packed('test', 20)
pool = None
