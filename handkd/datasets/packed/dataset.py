"""The packed form of a data set: ready crops in memory-mapped arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from handkd.datasets.base import ReproducibleDataset
from handkd.datasets.label_digests import digest_of
from handkd.datasets.transforms import SampleBatch
from handkd.datasets.views import Captures, group_captures
from handkd.needs import needs
from handkd.registry import DATASETS

from ..sampling.seeding import draw_numbers
from .manifest import find_damage, load_manifest
from .pack import Pack
from .planes import PLANE_MODALITIES
from .recipe import check_recipe
from .shard_reading import map_shard
from .views import check_captured, read_captures


@DATASETS.register_module()
@needs(data_root='Pack')
class PackedHandDataset(ReproducibleDataset):
    """A data set packed by ``handkd pack``, for the same pipeline as the source data set.

    A sample is the source's sample after HandCrop and WarpCrop, with a margin around it: HandCrop finds the same square
    again, and the original pixels are given by ``warp_matrix`` and ``ori_shape``. So in a config only ``type`` and
    ``data_root`` change. Arguments that only the source's reader has, such as ``joint0``, were decided when it was
    packed and must be removed (``_delete_=True``).

    Arrays are mapped into memory when a shard is first used, in each process separately; the operating system keeps one
    copy for all, and no file stays open. Opening compares the sizes of all files with those that were written; the
    first use of a shard compares types, shapes and labels with ``pack.json``. The content of images is not checked,
    which would take longer than an epoch; ``handkd pack --verify DIR`` does that.

    Args:
        data_root (str): The folder with ``pack.json``.
        modalities (Sequence[str]): Which of 'rgb', 'depth', 'mask', 'parts' to load. Defaults to ('rgb',).
        pipeline (Sequence[dict]): Configs of the transforms. Defaults to ().
        split (str, optional): If given, it must be the split that was packed. Defaults to None.
        recipe (Mapping, optional): How the pack is made: ``source``, the config of a data set, and any of ``rule``,
            ``factor``, ``cube``, ``root``, ``margin``, ``size``, ``border``, ``modalities``, ``depth_unit``, ``shard``
            and ``on_corrupt`` (:class:`~.writing.PackSettings`; the margin is :func:`~.crops.margin_for`'s unless it is
            given). Trainings and evaluations then make it on first use, and so does ``handkd pack CONFIG``;
            a pack of another recipe is refused. Defaults to None.

    Raises:
        ConfigError: If the recipe is not that of the pack; names what differs.
        FileNotFoundError: If the pack is missing.
        OSError: If a file of it is missing or has another size than when it was written; names the shard.
        ValueError: If ``pack.json`` is invalid (:func:`~.manifest.read_manifest`), or the pack is unfinished, lacks one
            of ``modalities``, or is of another split. When a sample is read: if its shard differs from ``pack.json``;
            names the file.
    """

    def __init__(
        self,
        data_root: str,
        modalities: Sequence[str] = ('rgb',),
        pipeline: Sequence[dict] = (),
        split: str | None = None,
        recipe: Mapping | None = None,
    ) -> None:
        super().__init__(pipeline)
        self.data_root = Path(data_root)
        manifest = load_manifest(self.data_root)
        if recipe is not None:
            check_recipe(manifest, recipe, str(self.data_root))
        if manifest.format != 'memmap':
            raise ValueError(f'{self.data_root} is a pack for streaming: use StreamedHandDataset')
        self.pack = Pack(manifest, str(self.data_root), modalities, split)
        for number in range(manifest.num_shards):
            damage = find_damage(self.data_root, manifest, number, thorough=False)
            if damage:
                raise OSError(f'a shard is damaged: {damage}')
        # Number of samples before each skipped one; without skipped samples, samples are rows.
        self._before = np.array(sorted(manifest.skipped)) - np.arange(len(manifest.skipped))
        self._planes = [name for name, kinds in PLANE_MODALITIES.items() if set(kinds) & set(self.pack.modalities)]
        self._shards: dict[int, tuple[np.ndarray, dict[str, np.ndarray]]] = {}

    @property
    def metainfo(self) -> dict:
        """Meta information of the source: data set name, joint names, root joint and so on."""
        return dict(self.pack.manifest.metainfo)

    def __len__(self) -> int:
        return self.pack.manifest.num_samples

    def get_data_info(self, index: int) -> dict:
        """Return sample ``index``, with read-only arrays.

        Raises:
            IndexError: If the sample does not exist.
        """
        labels, planes = self._stored(index)
        return self.pack.batch([labels], [planes]).sample(0)

    def get_labels(self, index: int) -> dict:
        """Return sample ``index`` without its images, with read-only arrays.

        Raises:
            IndexError: If the sample does not exist.
        """
        labels, _ = self._stored(index)
        return self.pack.schema.batch(labels).sample(0)

    def label_digest(self) -> str:
        """Return a digest of the packed labels, made from the checksums with which they were written."""
        manifest = self.pack.manifest
        files = [manifest.shards[number]['files'] for number in range(manifest.num_shards)]
        sums = [listed[name] for listed in files for name in sorted(listed) if name.endswith('labels.npy')]
        return digest_of([str((len(self), sums)).encode()])

    def captures(self) -> Captures:
        """Return hand, time and camera of all samples, as in the source.

        Raises:
            ValueError: If the source was not a set of synchronised cameras.
        """
        check_captured(self._opened(0)[0].dtype.names, str(self.data_root))
        return self._captures

    def view_groups(self) -> np.ndarray:
        """Return which samples show the same hand at the same time.

        Returns:
            Indices of samples, shape (G, V), int64, one column per camera with samples; -1 if that view is not in the
            set.

        Raises:
            ValueError: If the source was not a set of synchronised cameras.
        """
        return group_captures(self.captures())

    @cached_property
    def _captures(self) -> Captures:
        return read_captures(self._tables())

    def _tables(self) -> Iterator[np.ndarray]:
        """Yield the labels of each shard, without the rows of skipped samples."""
        manifest = self.pack.manifest
        for number in range(manifest.num_shards):
            labels, rows = self._opened(number)[0], manifest.rows(number)
            kept = [row not in manifest.skipped for row in rows] if manifest.skipped else []
            yield labels if all(kept) else labels[kept]

    def fetch_batch(self, keys: Sequence[int], draws: np.ndarray) -> SampleBatch:
        """Return several samples as one batch; see :meth:`~handkd.datasets.ReproducibleDataset.fetch_batch`.

        Args:
            keys: Indices of B samples, with seeds.
            draws: Filled with random numbers in [0, 1) of the samples' seeds, shape (B, number of draws), any frame.
        """
        draws[:] = draw_numbers(keys, draws.shape[1])
        stored = [self._stored(int(key)) for key in keys]
        return self.pack.batch([labels for labels, _ in stored], [planes for _, planes in stored])

    def _stored(self, index: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Return the labels of a sample, a structured array (1,), and its images."""
        if not 0 <= index < len(self):
            raise IndexError(f'{self.data_root} has {len(self)} samples, but index {index} was requested')
        row = int(index)
        if len(self._before):
            row += int(np.searchsorted(self._before, row, side='right'))
        number, row = divmod(row, self.pack.manifest.shard)
        labels, planes = self._opened(number)
        return labels[row : row + 1], {name: plane[row] for name, plane in planes.items()}

    def _opened(self, number: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Return the mapped arrays of a shard."""
        return self._shards.get(number) or self._open(number)

    def _open(self, number: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Map the arrays of a shard."""
        folder = self.data_root / self.pack.manifest.shard_name(number)
        self._shards[number] = map_shard(folder, self.pack.manifest, number, self._planes)
        return self._shards[number]

    def __getstate__(self) -> dict:
        kept = {key: value for key, value in self.__dict__.items() if key != '_captures'}
        return {**kept, '_shards': {}}  # a worker maps the files itself
