"""The weights of the feature loss's network, which a config names once."""

from __future__ import annotations

from collections.abc import Mapping

from mmengine.config import Config

from handkd.registry import ARTIFACTS

from .base import Artifact


@ARTIFACTS.register_module()
class FeatureNetwork(Artifact):
    """Weights of a pretrained network: ``feature_network`` of a config.

    They are given, not made: MMEngine loads them, and downloads them from a URL, where the network is initialised.

    Args:
        cfg: The config; not used.
        checkpoint: Path or URL. Defaults to None: a network with random weights.
    """

    entry, key = 'feature_network', 'checkpoint'

    def __init__(self, cfg: Config, checkpoint: str | None = None) -> None:
        super().__init__(checkpoint or '')

    def fingerprint(self) -> Mapping:
        """Return nothing: weights are not made from data here."""
        return {}

    def is_made(self, fingerprint: Mapping) -> bool:
        """Return True: a missing file is an error where the network is initialised, not in an evaluation."""
        return True

    def make(self, fingerprint: Mapping) -> None:
        """Never called, see :meth:`is_made`.

        Raises:
            NotImplementedError: Always.
        """
        raise NotImplementedError('the weights of a feature network are given, not made')
