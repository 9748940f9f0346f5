"""Common base of the data sets in files: 64x64 square crops around the joints' box, and their loading."""

_base_ = './loaders.py'

input_size = 64

crop = dict(type='HandCrop', rule='square', factor=1.25)
warp = dict(type='WarpCrop', size=input_size)
cube = dict(type='DepthToCube', cube=300.0, root='middle_mcp')
pack_rgb = dict(type='PackHandInputs', modalities=['rgb'])
pack_depth = dict(type='PackHandInputs', modalities=['depth'])
pack_paired = dict(type='PackHandInputs', modalities=['rgb', 'depth'])

# Without augmentation. Each data set's own file overrides *_train.
rgb_train = rgb_test = [crop, warp, pack_rgb]
depth_train = depth_test = [crop, warp, cube, pack_depth]
paired_train = [crop, warp, cube, pack_paired]

val_evaluator = dict(type='HandKeypointMetric', root='middle_mcp', scale='gt')
test_evaluator = val_evaluator
