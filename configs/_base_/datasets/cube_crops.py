"""Depth in a metric cube of 300 mm, 48x48 px, without background and forearm (Neverova et al. 2017, section 5)."""

input_size = 48

crop = [dict(type='HandCrop', rule='cube', cube=300.0), dict(type='WarpCrop', size=input_size)]
cube = dict(type='DepthToCube', cube=300.0, hand_only=True)
joints = dict(type='PackHandInputs', modalities=['depth'])
parts = dict(type='PackHandInputs', modalities=['depth'], fields=['part_seg'])

# Rendered hands come with their masks, real ones are cut out of the depth by their joints.
rendered = [*crop, cube, parts]
mask = dict(type='HandMaskFromDepth', forearm=5.0)
real = [*crop, mask, cube, joints]
real_parts = [*crop, mask, cube, parts]
