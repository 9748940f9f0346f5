"""PMD-Net: the teacher, the twin, and the config that inherits this."""

stages = dict(
    runs=[
        dict(name='depth', label='Depth teacher', role='teacher', config='{net}_{teacher}_{data}.py'),
        dict(name='rgb', label='RGB twin', role='twin', config='{net}_rgb_{data}.py'),
        dict(name='student', label='PMD-Net', role='student', config=None, teachers=dict(depth='depth')),
    ],
)
