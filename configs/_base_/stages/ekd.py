"""The rows of EKD's Table 1: the student alone, with either part of the teacher, and with both."""

stages = dict(
    runs=[
        dict(name='rgb', label='without EKD', role='baseline', baseline=True),
        dict(name='angle', label='with Loss_theta', role='variant', options={'model.distillers.offset': None}),
        dict(name='offset', label='with Loss_op', role='variant', options={'model.distillers.angles': None}),
        dict(name='ekd', label='EKD (both)', role='student'),
    ],
)
