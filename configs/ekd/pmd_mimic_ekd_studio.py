"""EKD together with depth mimicry: PMD-Net's distillers and the rules of the hand, in one student."""

_base_ = './pmd_mimic_studio.py'

model = dict(distillers=_base_.ekd)
stages = dict(
    _delete_=True,
    runs=[
        dict(name='depth', label='Depth teacher', role='pretraining', config='../pmd/resnet18half_depth_studio.py'),
        dict(name='rgb', label='RGB alone', role='twin', config='pmd_rgb_studio.py'),
        dict(name='ekd', label='EKD', role='variant', config='pmd_studio.py'),
        dict(
            name='mimic',
            label='depth mimicry',
            role='variant',
            config='pmd_mimic_studio.py',
            teachers=dict(depth='depth'),
        ),
        dict(name='both', label='EKD, depth mimicry', role='student', config=None, teachers=dict(depth='depth')),
    ],
)
