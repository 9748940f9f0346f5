"""Metric of restored part maps, for configs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
from mmengine.evaluator import BaseMetric

from handkd.hand import NUM_PARTS
from handkd.hints import check_keys
from handkd.needs import needs
from handkd.registry import METRICS
from handkd.restoration import CandidateCRF, Restorer, open_search

from .segmentation import segmentation_accuracy, segmentation_counts
from .segmentation_metric import read_parts

CRFS = ('potts', 'overlap')
VARIANTS = ('centre', 'vote', *CRFS, *(f'{pairwise}_vote' for pairwise in CRFS))


@METRICS.register_module()
@needs(dictionary='patch_dictionary.folder')
class HandRestorationMetric(BaseMetric):
    """Accuracy of predicted part maps after restoring them with a patch dictionary (Neverova et al. 2017, Table 2).

    The numbers are those of :class:`HandSegmentationMetric`, from 0 to 1, for each variant, such as
    ``parts20_no-background_restored/vote/per_pixel``:

    - 'centre': the central label of the nearest patch, "NN-search, no integration";
    - 'vote': the nearest patches vote in a window, Eq. 2;
    - 'potts', 'overlap': a CRF chooses among ten patches per pixel; the central label of the chosen one;
    - 'potts_vote', 'overlap_vote': the patches chosen by the CRF vote in the window, Eq. 2. The paper does not state
      which of the two its CRF rows are.

    Args:
        dictionary (str): Folder of the patch dictionary; set from a config's ``patch_dictionary``.
        variants (Sequence[str]): Variants to measure. Defaults to ('centre', 'vote', 'potts', 'overlap').
        window (int): Side of the window in which patches vote, px. Defaults to 17.
        alphas (Mapping[str, float]): Weights of the CRFs' pairwise terms. The paper chose its weights on held-out
            images and does not give them; these are the best of a few on 100 of the studio's validation images.
            Defaults to dict(potts=10.0, overlap=0.05).
        probes (int): Lists of the dictionary's index that are searched, see
            :class:`~handkd.restoration.IndexedSearch`; a small dictionary, which has no index, is searched exactly.
            Defaults to 16.
        rerank (int): Patches that are compared exactly. Defaults to 200.
        collect_device (str): As in MMEngine. Defaults to 'cpu'.

    Raises:
        ConfigError: If there is no such variant, or no such CRF in ``alphas``.
    """

    def __init__(
        self,
        dictionary: str,
        variants: Sequence[str] = ('centre', 'vote', 'potts', 'overlap'),
        window: int = 17,
        alphas: Mapping[str, float] = dict(potts=10.0, overlap=0.05),  # noqa: B006 (never changed)
        probes: int = 16,
        rerank: int = 200,
        collect_device: str = 'cpu',
    ) -> None:
        super().__init__(collect_device, f'parts{NUM_PARTS}_no-background_restored')
        check_keys(variants, VARIANTS, 'HandRestorationMetric(variants=...)')
        check_keys(alphas, CRFS, 'HandRestorationMetric(alphas=...)')
        self.search = dict(probes=probes, rerank=rerank)
        self.dictionary, self.variants, self.window, self.alphas = dictionary, tuple(variants), window, alphas

    @cached_property
    def restorers(self) -> dict[str, Restorer]:
        """Restorers by variant; the dictionary is opened on first use."""
        search = open_search(self.dictionary, **self.search)
        made = {'centre': lambda: Restorer(search, window=1), 'vote': lambda: Restorer(search, self.window)}
        for pairwise in CRFS:
            for variant, window in ((pairwise, 1), (f'{pairwise}_vote', self.window)):
                made[variant] = lambda kind=pairwise, side=window: Restorer(
                    search, side, crf=CandidateCRF(kind, self.alphas[kind])
                )
        return {variant: made[variant]() for variant in self.variants}

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Restore the maps of a batch and count each sample's pixels.

        Args:
            data_batch: Not used.
            data_samples: As in :class:`HandSegmentationMetric`.

        Raises:
            FileNotFoundError: If there is no dictionary.
            ValueError: If a sample lacks a map, or the maps don't fit; names the sample.
        """
        pred, target = (
            [read_parts(sample, fields, type(self).__name__) for sample in data_samples]
            for fields in ('pred_fields', 'gt_fields')
        )
        restored = {variant: restorer(np.stack(pred)) for variant, restorer in self.restorers.items()}
        for i, truth in enumerate(target):
            self.results.append({name: segmentation_counts(maps[i], truth) for name, maps in restored.items()})

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Return ``per_pixel`` and ``per_class`` of each variant.

        Raises:
            ValueError: If there is no sample, or no labelled pixel.
        """
        if not results:
            raise ValueError('HandRestorationMetric has nothing to evaluate: the data set of this split is empty')
        numbers = {}
        for variant in self.variants:
            correct, total = (np.sum(column, 0) for column in zip(*(result[variant] for result in results)))
            accuracy = segmentation_accuracy(correct, total)._asdict()
            numbers |= {f'{variant}/{name}': value for name, value in accuracy.items()}
        return numbers
