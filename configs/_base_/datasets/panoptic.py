"""CMU Panoptic (Joo et al.), hands in the HD cameras, split by sequence, packed on first use.

Every 10th frame is taken, a third of a second apart: neighbouring frames are nearly equal, and each has 31 images.
"""

_base_ = './crops.py'


def packed(name, split, every_nth_frame, pipeline):
    images = dict(type='PanopticHandDataset', data_root='data/panoptic', split=split, every_nth_frame=every_nth_frame)
    recipe = dict(source=images, rule='square', factor=1.25, size=160, modalities=['rgb'], shard=512)
    return dict(type='PackedHandDataset', data_root=f'data/packed/panoptic_{name}', recipe=recipe, pipeline=pipeline)


train_set = packed('train', 'train', 10, _base_.rgb_train)
test_set = packed('test', 'test', 10, _base_.rgb_test)
# A few moments of the test sequences, the same in all runs, to monitor a training: select nothing by them.
val_set = packed('val', 'test', 300, _base_.rgb_test)
train_dataloader = dict(dataset=train_set)
val_dataloader = dict(dataset=val_set)
test_dataloader = dict(dataset=test_set)
