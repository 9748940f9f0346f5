"""One network without teachers, on rendered photographs: the baseline of resnet18half_studio.py, as a file."""

_base_ = '../../configs/pmd/resnet18half_studio.py'

model = dict(_base_.model.student, _delete_=True)
train_dataloader = dict(dataset=dict(modalities=['rgb'], pipeline=[_base_.pack_rgb]))
stages = None
