"""Views alone, composited over their backgrounds by a matte: ours, in addition to the paper's."""

_base_ = './resnet18quarter_views_studio.py'

model = dict(decoder=dict(matte=True))
