"""All stages on NYU, and Tables 2 and 3 on real images with part labels, which lie in a folder of one's own."""

_base_ = './inception_nyu.py'

stages = dict(names=dict(parts='nyu_parts'))
