"""Depth in a metric cube around middle_mcp, 48x48 px, without background and forearm (Neverova et al. 2017, section 5).

The true joints define the cube and the hand's mask, at test time too, so figures are not comparable with those of a
detector (tools/test.py --find-hands). The paper does not give the size of its cube; its dictionary has 632 hand pixels
per image. DeepPrior's 300 mm would leave less than half as many as this cube, and fingers two pixels wide.
"""

input_size = 48

crop = [dict(type='HandCrop', rule='cube', cube=220.0), dict(type='WarpCrop', size=input_size)]
mask = dict(type='HandMaskFromDepth', forearm=5.0)
# Ours, in every row of Table 4: the cube moves along x and y by up to 4.3 % of its edge (standard deviation 5.5 mm).
shift = dict(type='RandomCropNoise', shift=0.043)
cube = dict(type='DepthToCube', cube=220.0, hand_only=True)
joints = dict(type='PackHandInputs', modalities=['depth'])
parts = dict(type='PackHandInputs', modalities=['depth'], fields=['part_seg'])

# Rendered hands come with their masks, real ones are segmented in the depth by their joints.
rendered = [*crop, cube, parts]
real = [*crop, mask, cube, joints]  # restored maps belong to one crop of each image: nothing random
real_shifted = [crop[0], shift, crop[1], mask, cube, joints]
real_parts = [*crop, mask, cube, parts]
