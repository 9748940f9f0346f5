"""PMD-Net + Refine (section 3.3): a fourth network adds a residual; the depth network has none."""

_base_ = './resnet34_stb.py'

model = dict(student=dict(head=dict(refine=True, beta=0.5)))
