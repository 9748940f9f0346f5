"""All stages on NYU, and Tables 2 and 3 on real images with part labels, in a folder of your own."""

_base_ = './inception_nyu.py'

stages = dict(names=dict(parts='nyu_parts'))
