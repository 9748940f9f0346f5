"""EKD on PMD-Net's RGB student, without depth."""

_base_ = './pmd_mimic_ekd_studio.py'

model = dict(teachers=dict(depth=None), distillers=dict(feat=None, x=None, y=None, z=None))
stages = dict(
    _delete_=True,
    runs=[
        dict(name='rgb', label="PMD-Net's student alone", role='baseline', baseline=True),
        dict(name='ekd', label='with EKD', role='student'),
    ],
)
