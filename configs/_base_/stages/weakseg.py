"""The three steps of Neverova et al. 2017: rows of its Tables 2, 3 and 4 (a) to (d)."""

synthetic_row = dict(
    name='synthetic', label='segmentation, synthetic only', role='segmentation', config='dense_synthetic_{data}.py'
)
# The control of step 2, not in the paper.
longer_row = dict(
    name='longer',
    label='segmentation, synthetic, longer',
    role='segmentation',
    config='dense_synthetic_{data}.py',
    start='synthetic',
)
weak_row = dict(
    name='weak',
    label='segmentation, weakly supervised',
    role='segmentation',
    config='dense_weak_{data}.py',
    start='synthetic',
)
joint_rows = [
    dict(name='direct', label='(a) direct regression', role='baseline', config='inception_direct_{data}.py'),
    dict(
        name='cascade',
        label='(b) cascade',
        role='variant',
        config='inception_cascade_{data}.py',
        checkpoints={'model.backbone.checkpoint': 'direct'},
    ),
    dict(
        name='semi',
        label='(c) parts, semi-supervised',
        role='variant',
        config='inception_{data}.py',
        checkpoints={'model.backbone.checkpoint': 'synthetic'},
    ),
    dict(
        name='full',
        label='(d) parts, weakly supervised',
        role='student',
        config='inception_{data}.py',
        checkpoints={'model.backbone.checkpoint': 'weak'},
    ),
]
