"""The three steps of Neverova et al. 2017, and the rows of its Tables 2, 3 and 4 (a) to (d)."""

checkpoint = 'model.backbone.checkpoint'

stages = dict(
    runs=[
        dict(
            name='synthetic',
            label='segmentation, synthetic only',
            role='segmentation',
            config='dense_synthetic_{parts}.py',
        ),
        dict(
            name='longer',
            label='segmentation, synthetic, longer',
            role='segmentation',
            config='dense_longer_{parts}.py',
            start='synthetic',
        ),
        dict(
            name='weak',
            label='segmentation, weakly supervised',
            role='segmentation',
            config='dense_weak_{parts}.py',
            start='synthetic',
        ),
        dict(name='direct', label='(a) direct regression', role='baseline', config='inception_direct_{data}.py'),
        dict(
            name='cascade',
            label='(b) cascade',
            role='variant',
            config='inception_cascade_{data}.py',
            checkpoints={checkpoint: 'direct'},
        ),
        dict(
            name='semi',
            label='(c) parts, semi-supervised',
            role='variant',
            config='inception_{data}.py',
            checkpoints={checkpoint: 'synthetic'},
        ),
        dict(
            name='full',
            label='(d) parts, weakly supervised',
            role='student',
            config='inception_{data}.py',
            checkpoints={checkpoint: 'weak'},
        ),
    ],
)
