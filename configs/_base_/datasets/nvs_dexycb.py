"""DexYCB (Chao et al. 2021), setup s0, for NVS: eight cameras; views, crops and schedule are those of Panoptic.

The sets are packed on first use: 465,504 images of the training set in 176 px take 43 GB. All labelled images are the
pool of the label budgets: how many the paper's share of them is, is not known for this set. The median backgrounds are
those of single sequences, whose objects but one lie still.
"""

_base_ = './nvs_panoptic.py'

behind = dict(type='LoadBackground', folder='data/dexycb_backgrounds')
view_train = [behind, _base_.crop, _base_.view, _base_.pack_views]
view_test = view_train
view_train_turned = [behind, _base_.crop, _base_.turn, _base_.view, _base_.pack_views]


def packed(split):
    images = dict(type='DexYCBDataset', data_root='data/dex-ycb', split=split, setup='s0', visibility='inside')
    crop = dict(rule='cube', cube=240.0, root='middle_mcp', margin=1.4, size=176)
    recipe = dict(source=images, **crop, modalities=['rgb'], shard=512)
    return dict(type='PackedHandDataset', data_root=f'data/packed/dexycb_nvs_{split}', recipe=recipe, _delete_=True)


train_set = packed('train')
val_set = packed('val')
test_set = packed('test')
pool = None
