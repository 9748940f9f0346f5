"""One network without teachers, on photographs in a folder: the baseline of resnet34_folder.py, as a file."""

_base_ = '../../configs/pmd/resnet34_folder.py'

model = dict(_base_.model.student, _delete_=True)
train_dataloader = dict(dataset=dict(modalities=['rgb'], pipeline=[_base_.crop, _base_.warp, _base_.pack_rgb]))
stages = None
