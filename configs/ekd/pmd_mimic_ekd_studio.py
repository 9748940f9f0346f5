"""EKD together with depth mimicry: PMD-Net's distillers and the rules of the hand, in one student."""

_base_ = './pmd_mimic_studio.py'

model = dict(distillers=_base_.ekd)
stages = dict(
    runs=[
        _base_.depth,
        _base_.rgb,
        dict(name='ekd', label='EKD', role='variant', config='pmd_studio.py'),
        dict(_base_.mimic, role='variant'),
        dict(_base_.mimic, name='both', label='EKD, depth mimicry', config=None),
    ],
)
