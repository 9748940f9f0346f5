"""256x256 crops by the rule of Zimmermann and Brox, as Yuan et al. 2018 (section 4) cut them, and their loading."""

_base_ = './loaders.py'

input_size = 256

crop = dict(type='HandCrop', rule='zb')
# Their crop noise for 3D joints enlarges the hand by 1 to 1.2 and shifts the crop by a Gaussian of 10 px of the
# photograph. The shift here is uniform, with that standard deviation where the crop is 256 px wide, and serves 2D
# joints too, for which they do not enlarge, and shift by 20 px.
noise = dict(type='RandomCropNoise', scale=(1 / 1.2, 1.0), shift=0.068)
warp = dict(type='WarpCrop', size=input_size, border=128)
cube = dict(type='DepthToCube', cube=300.0, root='middle_mcp')
pack_rgb = dict(type='PackHandInputs', modalities=['rgb'])
pack_depth = dict(type='PackHandInputs', modalities=['depth'])
pack_paired = dict(type='PackHandInputs', modalities=['rgb', 'depth'])
# Masks from depth, as in the paper (section 4.2), on sets that label the palm's centre instead of the wrist.
mask = dict(type='HandMaskFromDepth', joint0='palm')
pack_masked = dict(type='PackHandInputs', modalities=['rgb'], fields=['hand_mask'])
pack_paired_masked = dict(type='PackHandInputs', modalities=['rgb', 'depth'], fields=['hand_mask'])

rgb_train = [crop, noise, warp, pack_rgb]
rgb_test = [crop, warp, pack_rgb]
depth_train = [crop, noise, warp, cube, pack_depth]
depth_test = [crop, warp, cube, pack_depth]
paired_train = [crop, noise, warp, cube, pack_paired]
masked_train = [crop, noise, warp, mask, pack_masked]
paired_masked_train = [crop, noise, warp, mask, cube, pack_paired_masked]

train_dataloader = dict(batch_size=8)
val_dataloader = dict(batch_size=32)
test_dataloader = val_dataloader
