"""The rows of EKD's Table 1: the student alone, with either part of the teacher, and with both."""

stages = dict(
    runs=[
        dict(name='rgb', label='without EKD', role='twin', config='{net}_rgb_{data}.py'),
        dict(name='angle', label='with Loss_theta', role='variant', config='{net}_angle_{data}.py'),
        dict(name='offset', label='with Loss_op', role='variant', config='{net}_offset_{data}.py'),
        dict(name='ekd', label='EKD (both)', role='student', config='{net}_{data}.py'),
    ],
)
