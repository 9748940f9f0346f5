"""Weights of a mixture's sets in the losses: which of a network's losses take them, and the line of the log."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from handkd.datasets import MixedDataset
from handkd.hints import ConfigError
from handkd.models import DistilledEstimator, HandPoseEstimator


def set_weight_lines(dataset: object, network: nn.Module) -> list[str]:
    """Return a line for each mixture with ``loss_weights`` in a training set.

    Args:
        dataset: The training set, which may be or contain a ``MixedDataset``.
        network: The network that it trains.

    Raises:
        ConfigError: If a loss of the network can't have weights by sample; names it.
    """
    lines = []
    for mixed in _mixtures(dataset):
        part = _without_weights(network)
        if part is not None:
            raise ConfigError(
                f'MixedDataset(loss_weights={list(mixed.loss_weights)}): {part} has no losses by sample '
                '(takes_sample_weights): remove loss_weights, and weight the sets by their shares'
            )
        sets = zip(mixed.loss_weights, mixed.datasets)
        named = ', '.join(f'{weight:g} (set {i}, {type(one).__name__})' for i, (weight, one) in enumerate(sets))
        lines.append(f'MixedDataset: the losses of a sample are multiplied by the weight of its set: {named}')
    return lines


def _mixtures(dataset: object) -> Iterator[MixedDataset]:
    """Yield the mixtures with weights in a data set."""
    if isinstance(dataset, MixedDataset) and dataset.loss_weights is not None:
        yield dataset
    for inner in (getattr(dataset, 'dataset', None), *(getattr(dataset, 'datasets', None) or ())):
        if inner is not None:
            yield from _mixtures(inner)


def _without_weights(network: nn.Module) -> str | None:
    """Return the name of the first part of a network whose losses take no weights; None if all do."""
    if isinstance(network, DistilledEstimator):
        for name, distiller in network.training_only.items():
            if not distiller.takes_sample_weights:
                return f'the distiller {name!r} ({type(distiller).__name__})'
        return _without_weights(network.student)
    if isinstance(network, HandPoseEstimator):
        if getattr(network.head, 'takes_sample_weights', False):
            return None
        loss = getattr(network.head, 'loss_module', None)
        return f'the head {type(network.head).__name__}' + ('' if loss is None else f' with {type(loss).__name__}')
    return f'the model {type(network).__name__}'
