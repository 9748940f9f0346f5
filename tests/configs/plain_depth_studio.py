"""One network without teachers, on rendered depth: the teacher of resnet18half_studio.py, as a file."""

_base_ = '../../configs/pmd/resnet18half_studio.py'

model = dict(_base_.model.teachers.depth.model, _delete_=True)
depth = dict(modalities=['depth'], pipeline=[_base_.cube, dict(type='PackHandInputs', modalities=['depth'])])
train_dataloader = dict(dataset=depth)
val_dataloader = dict(dataset=depth)
test_dataloader = dict(dataset=depth)
stages = None
