"""PMD-Net: the teacher, the baseline, and the config that inherits this."""

stages = dict(
    runs=[
        dict(name='depth', label='Depth teacher', role='teacher', config='{net}_{teacher}_{data}.py'),
        dict(name='rgb', label='RGB baseline', role='baseline', baseline=True),
        dict(name='student', label='PMD-Net', role='student', teachers=dict(depth='depth')),
    ],
)
