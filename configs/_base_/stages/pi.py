"""Rows of PI: Depth_Net in two steps, RGB_Net, its baseline, and PI-training by mimicry, by masks and by both.

The rows run the config that lists them in its `stages`, but for the first.
"""

depth_only_row = dict(
    name='depth_only',
    label='Depth, external images alone',
    role='pretraining',
    config='{net}_depth_only_{external}.py',
    otherwise='{net}_depth_only_studio.py',
)
depth_row = dict(name='depth', label='Depth', role='teacher', teacher='depth', start='depth_only')
rgb_row = dict(name='rgb', label='RGB before PI-training', role='variant', baseline=True)
baseline_row = dict(name='baseline', label='RGB', role='baseline', baseline=True, start='rgb')
mimic_row = dict(name='mimic', label='RGB + PI (mimic)', role='variant', start='rgb', teachers=dict(depth='depth'))
mask_row = dict(name='mask', label='RGB + PI (mask)', role='variant', start='rgb')
both_row = dict(name='both', label='RGB + PI (mimic, mask)', role='variant', start='rgb', teachers=dict(depth='depth'))
