"""PI in 2D, the rows of Table 2: as in 3D, with masks of a fifth and of four fifths of the images."""

stages = dict(
    runs=[
        dict(
            name='depth_only',
            label='Depth, external images alone',
            role='pretraining',
            config='{net}_depth_only_{external}.py',
            otherwise='{net}_depth_only_studio.py',
        ),
        dict(name='depth', label='Depth', role='teacher', config='{net}_depth_{data}.py', start='depth_only'),
        dict(name='rgb', label='RGB before PI-training', role='variant', config='{net}_rgb_{data}.py'),
        dict(name='twin', label='RGB', role='twin', config='{net}_rgb_continued_{data}.py', start='rgb'),
        dict(
            name='mimic',
            label='RGB + PI (mimic)',
            role='student',
            config='{net}_{data}.py',
            start='rgb',
            teachers=dict(depth='depth'),
        ),
        dict(name='mask02', label='RGB + PI (mask, 0.2)', role='variant', config='{net}_mask02_{data}.py', start='rgb'),
        dict(name='mask08', label='RGB + PI (mask, 0.8)', role='variant', config='{net}_mask08_{data}.py', start='rgb'),
        dict(
            name='both',
            label='RGB + PI (mimic, mask 0.8)',
            role='variant',
            config='{net}_both_{data}.py',
            start='rgb',
            teachers=dict(depth='depth'),
        ),
    ],
)
