"""The hand studio in two domains: rendered, with part labels and exact depth; and 'real', with a sensor's depth.

The 'real' hands are of other people, and training uses their joints alone: their parts are for evaluation.
"""

_base_ = './cube_crops.py'

hand = dict(
    type='StudioDataset',
    modalities=['depth'],
    resolution=96,
    sides=['right'],
    randomisation=dict(view=40.0),
    factor=1.5,
    crop_noise=None,
)
# A poorer sensor than the studio's 'kinect', with which rendered and 'real' depth hardly differ for the network.
sensed = dict(hand, depth_sensor=dict(preset='kinect', noise=12.0, step=12.0, holes=0.6, flying=0.4))

rendered_train_set = dict(hand, split='train', length=20000, seed=1, pipeline=_base_.rendered)
rendered_test_set = dict(hand, split='test', length=200, seed=1, pipeline=_base_.rendered)
real_train_set = dict(sensed, split='train', length=1500, pipeline=_base_.real)
joint_train_set = dict(real_train_set, pipeline=_base_.real_shifted)
real_val_set = dict(sensed, split='val', length=200, pipeline=_base_.real)
real_test_set = dict(sensed, split='test', length=1000, pipeline=_base_.real)
segmentation_test_set = dict(sensed, split='test', length=200, pipeline=_base_.real_parts)

patch_dictionary = dict(folder='work_dirs/patch_dictionaries/studio', dataset=rendered_train_set, maps=6000)

loader = dict(num_workers=1, persistent_workers=True)
train_dataloader = dict(loader, drop_last=True, sampler=dict(type='ReproducibleSampler'))
val_dataloader = dict(loader, batch_size=50, drop_last=False, sampler=dict(type='DefaultSampler', shuffle=False))
test_dataloader = val_dataloader
segmentation_batch, regression_batch = 8, 32
joint_metric = dict(type='HandKeypointMetric', root=None, scale='pred', plane=True, within=(20, 40))
