"""NYU's front camera, trained on its joint labels alone, and the studio's rendered hands with part labels.

The paper's own rendered hands are unpublished: this set has as many (section 5), and a third of them give the patches.
They are upright within 60 degrees, as people hold their hands before a camera, and as NYU's are: dictionaries over the
whole sphere of views have fewer patches that resemble a given one.

NYU has no part labels: segmentation is tested on rendered hands, or, with *_nyu_parts.py, on labelled images in
data/nyu_parts, in NYU's layout with parts_1_0000001.png and so on next to them. The paper's authors labelled 100, which
are unpublished.
"""

_base_ = ['./cube_crops.py', './loaders.py']

hand = dict(
    type='StudioDataset',
    modalities=['depth'],
    resolution=128,
    sides=['right'],
    randomisation=dict(view=60.0),
    factor=1.5,
    crop_noise=None,
    pipeline=_base_.rendered,
)
rendered_train_set = dict(hand, split='train', length=170974)
rendered_test_set = dict(hand, split='test', length=500)
nyu = dict(type='NYUDataset', data_root='data/nyu_hand_dataset_v2/dataset', joint0='palm_6', pipeline=_base_.real)
real_train_set = dict(nyu, split='train')
joint_train_set = dict(real_train_set, pipeline=_base_.real_shifted)
real_val_set = real_test_set = dict(nyu, split='test')
segmentation_test_set = rendered_test_set
parts_test_set = dict(
    nyu, data_root='data/nyu_parts', split='test', modalities=['depth', 'parts'], pipeline=_base_.real_parts
)

patch_dictionary = dict(folder='work_dirs/patch_dictionaries/nyu', dataset=rendered_train_set, maps=56991)

segmentation_batch, regression_batch = 1, 64
joint_metric = dict(
    type='HandKeypointMetric', root=None, scale='pred', native=True, plane=True, within=(20, 40), joint_table=True
)
