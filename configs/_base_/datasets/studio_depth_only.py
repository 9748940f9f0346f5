"""The hand studio as a large set of depth images without colour, of people who are in no other studio set.

A stand-in for BigHand2.2M: another seed, and depth with the noise and the holes of a real sensor.
"""

_base_ = './studio.py'

external = dict(seed=1, modalities=['depth'], depth_sensor='kinect')
train_dataloader = dict(dataset=dict(length=500000, pipeline=_base_.depth_train, **external))
# Few: no table reports a network trained on this set.
val_dataloader = dict(dataset=dict(length=100, pipeline=_base_.depth_test, **external))
test_dataloader = dict(dataset=dict(length=100, pipeline=_base_.depth_test, **external))
