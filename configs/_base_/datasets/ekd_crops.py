"""Crops of 128x128 for EKD's students, moved and resized a little in training."""

crop128 = dict(type='HandCrop', rule='square', factor=1.25)
noise128 = dict(type='RandomCropNoise', scale=(0.9, 1.2), shift=0.08)
warp128 = dict(type='WarpCrop', size=128)
pack128 = dict(type='PackHandInputs', modalities=['rgb'])

rgb128_train = [crop128, noise128, warp128, pack128]
rgb128_test = [crop128, warp128, pack128]
