"""CMU Panoptic for NVS: sequences 171026_pose3 and 171204_pose2 to learn from, 171026_pose2 to test on (section 3.1).

Full frames are decoded for every sample, which is slow; a pack of it is read a hundred times faster (README).
"""

_base_ = './nvs_crops.py'

behind = dict(type='LoadBackground', folder='data/panoptic_backgrounds')
view_train = [behind, _base_.crop, _base_.view, _base_.pack_views]
view_train_turned = [behind, _base_.crop, _base_.turn, _base_.view, _base_.pack_views]
view_test = view_train
pose_train = pose_test = [_base_.crop, _base_.view, _base_.pack]

images = dict(type='PanopticHandDataset', data_root='data/panoptic', split='all', modalities=['rgb'])
train_set = dict(images, sequences=['171026_pose3', '171204_pose2'])
test_set = dict(images, sequences=['171026_pose2'])
val_set = test_set  # nothing is chosen by it

# As many of the images have labels in the paper's largest scenario.
pool = 28592
