"""Step 1: the segmentation network on rendered hands; evaluated on rendered hands, since NYU has no part labels."""

_base_ = [
    '../_base_/runtime.py',
    '../_base_/models/weakseg_nyu.py',
    '../_base_/datasets/weakseg_nyu.py',
]

model = _base_.segmentation
train_dataloader = dict(batch_size=_base_.segmentation_batch, dataset=_base_.rendered_train_set)
val_dataloader = dict(dataset=_base_.rendered_test_set)
test_dataloader = dict(dataset=_base_.segmentation_test_set)
val_evaluator = dict(type='HandSegmentationMetric')
test_evaluator = [val_evaluator, dict(type='HandRestorationMetric')]
