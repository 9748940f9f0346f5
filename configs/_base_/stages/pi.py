"""PI in 3D: Depth_Net in two steps, RGB_Net, its twin, and PI-training by mimicry, by masks and by both."""

before = [
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
]
by_mimic = dict(
    name='mimic',
    label='RGB + PI (mimic)',
    role='student',
    config='{net}_{data}.py',
    start='rgb',
    teachers=dict(depth='depth'),
)
by_both = dict(by_mimic, name='both', label='RGB + PI (mimic, mask)', role='variant', config='{net}_both_{data}.py')

stages = dict(
    runs=[
        *before,
        by_mimic,
        dict(name='mask', label='RGB + PI (mask)', role='variant', config='{net}_mask_{data}.py', start='rgb'),
        by_both,
    ],
)
