"""EKD on PI's small CPM in 3D."""

_base_ = './cpm8_rgb_studio.py'

model = dict(_delete_=True, type='DistilledEstimator', student=_base_.model, distillers=_base_.ekd)
stages = dict(
    runs=[
        dict(name='rgb', label="PI's student alone", role='twin', config='cpm8_rgb_studio.py'),
        dict(name='ekd', label='with EKD', role='student', config=None),
    ],
)
