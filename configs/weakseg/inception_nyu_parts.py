"""All stages on NYU, where some test images have part labels: Tables 2 and 3, too."""

_base_ = './inception_nyu.py'

stages = dict(names=dict(parts='nyu_parts'))
