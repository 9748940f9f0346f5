"""CMU Panoptic for NVS: training on sequences 171026_pose3 and 171204_pose2, test on 171026_pose2 (section 3.1).

Every 10th frame is taken: a third of a second apart, hands have moved, and the 300,000 images of 4,869 moments are ten
times as many as the paper has labels for. The sets are packed on first use: 410,000 full-HD images are decoded once for
all trainings and tests (configs/nvs/README.md has the count), and the packs take 38 GB.
"""

_base_ = './nvs_crops.py'

crop, view = _base_.crop, _base_.view
behind = dict(type='LoadBackground', folder='data/panoptic_backgrounds')
view_train = [behind, crop, view, _base_.pack_views]
view_train_turned = [behind, crop, _base_.turn, view, _base_.pack_views]
view_test = view_train
pose_train = pose_test = [crop, view, _base_.pack]


def packed(name, sequences, every_nth_frame):
    images = dict(
        type='PanopticHandDataset',
        data_root='data/panoptic',
        split='all',
        sequences=sequences,
        every_nth_frame=every_nth_frame,
    )
    crop = dict(rule='cube', cube=240.0, root='middle_mcp', margin=1.4, size=176)
    recipe = dict(source=images, **crop, modalities=['rgb'], shard=512)
    return dict(type='PackedHandDataset', data_root=f'data/packed/panoptic_nvs_{name}', recipe=recipe)


train_set = packed('train', ['171026_pose3', '171204_pose2'], 10)
test_set = packed('test', ['171026_pose2'], 10)
# About 55 moments of the test sequence, the same in all runs: nothing is selected by them. Backgrounds need 50.
val_set = packed('val', ['171026_pose2'], 300)

# Number of labelled images in the paper's largest scenario.
pool = 28592
