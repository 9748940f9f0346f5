"""What handkd's own data sets share: reproducible augmentation."""

from __future__ import annotations

from collections.abc import Sequence

from mmengine.dataset import Compose

from .seeding import seeded


class ReproducibleDataset:
    """Mixin of a data set that makes its samples in :meth:`get_data_info` and sends them through a pipeline.

    Args:
        pipeline (Sequence[dict]): Configs of the transforms. Defaults to ().
    """

    METAINFO: dict = {}

    def __init__(self, pipeline: Sequence[dict] = ()) -> None:
        self.pipeline = Compose(pipeline)

    @property
    def metainfo(self) -> dict:
        """The data set's name and joint names."""
        return dict(self.METAINFO)

    def get_data_info(self, index: int) -> dict:
        """Return sample ``index`` as a fresh dict with the keys of the design (images, joints, camera, side)."""
        raise NotImplementedError

    def __getitem__(self, key: int) -> dict:
        """Return sample ``key`` behind the pipeline, augmented as its :class:`~handkd.datasets.SampleKey` says."""
        with seeded(key):
            return self.pipeline(self.get_data_info(int(key)))
