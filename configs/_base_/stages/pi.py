"""PI in 3D: Depth_Net in two steps, RGB_Net, its baseline, and PI-training by mimicry, by masks and by both."""

depth_only_row = dict(
    name='depth_only',
    label='Depth, external images alone',
    role='pretraining',
    config='{net}_depth_only_{external}.py',
    otherwise='{net}_depth_only_studio.py',
)
depth_row = dict(name='depth', label='Depth', role='teacher', config='{net}_depth_{data}.py', start='depth_only')
rgb_row = dict(name='rgb', label='RGB before PI-training', role='variant', config='{net}_rgb_{data}.py')
# Each of the following is {net}_both_{data}.py with some of its knowledge left out.
baseline_row = dict(
    name='baseline', label='RGB', role='baseline', config='{net}_both_{data}.py', start='rgb', baseline=True
)
both_row = dict(
    name='both',
    label='RGB + PI (mimic, mask)',
    role='variant',
    config='{net}_both_{data}.py',
    start='rgb',
    teachers=dict(depth='depth'),
)
mimic_row = dict(both_row, name='mimic', label='RGB + PI (mimic)', options={'model.distillers.mask': None})
mask_row = dict(
    name='mask',
    label='RGB + PI (mask)',
    role='variant',
    config='{net}_both_{data}.py',
    start='rgb',
    options={'model.distillers.inter': None, 'model.teachers.depth': None},
)

stages = dict(
    runs=[depth_only_row, depth_row, rgb_row, baseline_row, dict(mimic_row, role='student'), mask_row, both_row]
)
