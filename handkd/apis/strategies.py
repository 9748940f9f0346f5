"""The entry ``strategy`` of a config: how a training on several processes divides its memory."""

from __future__ import annotations

from mmengine.config import Config
from torch import nn

from handkd.hints import ConfigError, check_choice, check_keys

SHARDED = 'FSDPStrategy'
STRATEGIES = (SHARDED, 'DDPStrategy', 'SingleDeviceStrategy')


def shards(cfg: Config) -> bool:
    """Whether a config divides weights, gradients and optimizer's state among processes."""
    return (cfg.get('strategy') or {}).get('type') == SHARDED


def check_strategy(cfg: Config) -> None:
    """Refuse strategies that handkd's runner can't follow.

    Args:
        cfg: A config. ``strategy`` is a dict with a ``type`` of :data:`STRATEGIES`, named as in MMEngine's
            FlexibleRunner, or missing.

    Raises:
        ConfigError: If it is another one, or other settings don't go with it; names the remedy.
    """
    strategy = cfg.get('strategy')
    if strategy is None:
        return
    if not isinstance(strategy, dict) or 'type' not in strategy:
        raise ConfigError(f"strategy must be a dict such as dict(type='{SHARDED}'), found {strategy!r}")
    if strategy['type'] in ('DeepSpeedStrategy', 'ColossalAIStrategy'):
        raise ConfigError(
            f'strategy: {strategy["type"]} is not supported, since its checkpoints are folders that no plain student '
            f"loads: set strategy=dict(type='{SHARDED}'), which divides the same states"
        )
    check_choice(strategy['type'], STRATEGIES, 'strategy.type')
    check_keys(strategy, ('type',), 'strategy')
    if strategy['type'] == SHARDED:
        _check_sharding(cfg)


def _check_sharding(cfg: Config) -> None:
    if cfg.get('launcher', 'none') == 'none':
        raise ConfigError(
            f'strategy: {SHARDED} divides memory among processes: start them with tools/dist_train.sh, or leave it out'
        )
    for hook in cfg.get('custom_hooks') or ():
        if str(hook.get('type')).endswith('EMAHook'):
            raise ConfigError(f'strategy: {SHARDED} can not average weights: leave out {hook["type"]}, or the strategy')
    if cfg.get('compile'):
        raise ConfigError(f'strategy: {SHARDED} does not go with compile: leave one of them out')


def check_all_learn(network: nn.Module, dataset: object) -> None:
    """Refuse divided weights that a process could leave out in a step: the others would wait for its gradient.

    Args:
        network: The network.
        dataset: The training set.

    Raises:
        ConfigError: If a distiller has weights, and samples may lack what it needs.
    """
    trained = any(weight.requires_grad for weight in getattr(network, 'training_only', nn.Module()).parameters())
    if trained and getattr(dataset, 'optional', ()):
        raise ConfigError(
            f'strategy: {SHARDED} needs a gradient of every weight in every step, but a distiller has weights, and '
            f'samples of {type(dataset).__name__} may lack {", ".join(dataset.optional)}: leave out the strategy'
        )
