"""EKD on PMD-Net's RGB student."""

_base_ = './pmd_rgb_studio.py'

model = dict(_delete_=True, type='DistilledEstimator', student=_base_.model, distillers=_base_.ekd)
stages = dict(
    runs=[
        dict(name='rgb', label="PMD-Net's student alone", role='twin', config='pmd_rgb_studio.py'),
        dict(name='ekd', label='with EKD', role='student', config=None),
    ],
)
