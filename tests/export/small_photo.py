"""The config of the photo student, small enough for tests."""

from mmengine.config import Config

from handkd.config import load_config
from handkd.size_checks import leaf_datasets


def small_photo(model: dict, size: int, length: int) -> Config:
    """Return photo/resnet18half_studio with a network of another size, few test images and no workers.

    Args:
        model: The network, without its type.
        size: Side of its crops, px.
        length: Number of test images.
    """
    cfg = load_config('photo/resnet18half_studio')
    cfg.model = dict(type='HandPoseEstimator', **model)
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        for _, dataset in leaf_datasets(cfg, loader):
            dataset.resolution = size
    cfg.test_dataloader.dataset.length = length
    return cfg
