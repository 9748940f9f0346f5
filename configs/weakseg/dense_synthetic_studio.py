"""Step 1: the segmentation network on rendered hands; evaluated on real ones, also restored (Table 2)."""

_base_ = [
    '../_base_/runtime.py',
    '../_base_/models/weakseg_studio.py',
    '../_base_/datasets/weakseg_studio.py',
]

model = _base_.segmentation
train_dataloader = dict(batch_size=_base_.segmentation_batch, dataset=_base_.rendered_train_set)
val_dataloader = dict(dataset=_base_.rendered_test_set)
test_dataloader = dict(dataset=_base_.segmentation_test_set)
val_evaluator = dict(type='HandSegmentationMetric')
test_evaluator = [val_evaluator, dict(type='HandRestorationMetric')]
default_hooks = dict(checkpoint=dict(interval=200))
