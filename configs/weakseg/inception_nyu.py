"""Step 3: joints from depth and its parts, (c) and (d) of Table 4; and all stages, for tools/stages.py."""

_base_ = ['./inception_direct_nyu.py', '../_base_/stages/weakseg.py']

model = dict(_delete_=True, **_base_.fused)
stages = dict(names=dict(data='nyu', parts='nyu'))
