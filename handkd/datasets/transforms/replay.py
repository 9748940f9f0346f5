"""Effect of a pipeline's random steps on the input of a frozen teacher: what a cache of its outputs must store.

A transform declares it as the attribute or property ``cache_effect``, one of :data:`EFFECTS`. Transforms without it are
refused, since nothing is known about them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from handkd.hints import ConfigError, check_choice

FLIP_DIRECTIONS = ('horizontal', 'vertical', 'diagonal')
"""MMPose's names of mirrorings, 'diagonal' for both, as in ``flip_direction`` of a sample."""
EFFECTS = {
    'fixed': 'the result follows from the sample alone',
    'labels': 'no image is changed',
    'flip': "mirrors at random, as 'flip' and 'flip_direction' of the sample record; flip_outcomes() lists the results",
    'crop': 'moves, turns or scales the crop at random',
    'rgb': 'changes the pixels of colour images at random, at the same places',
    'depth': 'changes the pixels of depth maps at random, at the same places',
}
"""Possible effects of a transform, and their meanings."""
_OF_MMPOSE = {
    'LoadImage': 'fixed',
    'LoadImageFromFile': 'fixed',
    'GetBBoxCenterScale': 'fixed',
    'TopdownAffine': 'fixed',
    'GenerateTarget': 'labels',
    'KeypointConverter': 'labels',
    'SingleHandConverter': 'labels',
    'PackPoseInputs': 'labels',
    'RandomFlip': 'flip',
    'HandRandomFlip': 'flip',
    'RandomHalfBody': 'crop',
    'RandomBBoxTransform': 'crop',
    'PhotometricDistortion': 'rgb',
    'YOLOXHSVRandomAug': 'rgb',
}
"""Effects of the transforms of MMPose and MMCV."""


@dataclass
class Replay:
    """How the input of a teacher is repeated.

    Attributes:
        pipelines: Name of a mirroring, 'none' or one of :data:`FLIP_DIRECTIONS` -> pipeline that always gives it.
        key: Those steps, with their settings, that decide what the teacher sees.
        moved: Whether the crop of a training differs from that of ``pipelines``.
    """

    pipelines: dict[str, list[dict]]
    key: list[dict] = field(default_factory=list)
    moved: bool = False


def plan_replay(
    settings: Sequence[Mapping], steps: Sequence[object], modalities: Sequence[str], where: str, warp: bool = False
) -> Replay:
    """Return the pipelines whose outputs must be stored so that every outcome of a training can be replayed.

    Args:
        settings: Configs of a pipeline's transforms.
        steps: The transforms built from them.
        modalities: Inputs of the teacher.
        where: Dotted key of the pipeline, for errors.
        warp: Whether the teacher's outputs are warped to a moved crop. Defaults to False: such a pipeline is refused.

    Raises:
        ConfigError: If a step can't be replayed; names it and the remedies.
    """
    if len(settings) != len(steps):
        raise ConfigError(
            f'teacher_cache: {where} has {len(settings)} steps, but the data set runs {len(steps)}: steps that the '
            'config does not show cannot be replayed; set teacher_cache=None'
        )
    replay, kept, flips = Replay({}), [], None
    for number, (config, step) in enumerate(zip(settings, steps)):
        effect = effect_of(step)
        if effect in ('rgb', 'depth') and effect not in modalities:
            kept.append(dict(config))
            continue
        problem = _problem(effect, warp, flips is not None)
        if problem:
            raise ConfigError(
                f'teacher_cache: {where}[{number}] ({type(step).__name__}) {problem}; or leave it out, '
                'leave this teacher out of teacher_cache.teachers, or set teacher_cache=None'
            )
        if effect == 'flip':
            flips = (len(kept), step)
        if effect == 'crop':
            replay.moved = True
            continue
        if effect != 'labels':
            replay.key.append(dict(config))
        kept.append(dict(config))
    outcomes = {'none': {}} if flips is None else flip_outcomes(flips[1])
    for name, forced in outcomes.items():
        pipeline = [dict(config) for config in kept]
        if flips is not None:
            pipeline[flips[0]].update(forced)
        replay.pipelines[name] = pipeline
    return replay


def _problem(effect: str | None, warp: bool, has_flip: bool) -> str | None:
    """Return why a step can't be replayed, with the remedy; None if it can."""
    if effect is None:
        return (
            'may change what the teacher sees in an unknown way: declare its class attribute cache_effect (see '
            'handkd.datasets.transforms.replay)'
        )
    if effect in ('rgb', 'depth'):
        return f'changes at random the {effect} images that the teacher sees: choose a teacher of another modality'
    if effect == 'crop' and not warp:
        return (
            "moves the crop at random: for heat maps and joints of the layer 'head', set teacher_cache.replay='warp', "
            'which warps those of the unmoved crop and is not exact'
        )
    if effect == 'flip' and has_flip:
        return 'mirrors a second time, and only one random mirroring can be replayed: use one of them'
    return None


def effect_of(step: object) -> str | None:
    """Return a transform's effect, one of :data:`EFFECTS`; None if it is unknown.

    Raises:
        ConfigError: If it declares another one.
    """
    declared = getattr(step, 'cache_effect', None)
    if declared is None and type(step).__module__.partition('.')[0] in ('mmpose', 'mmcv'):
        declared = _OF_MMPOSE.get(type(step).__name__)
    if declared is not None:
        check_choice(declared, EFFECTS, f'{type(step).__name__}.cache_effect')
    return declared


def flip_outcomes(step: object) -> dict[str, dict]:
    """Return the possible results of a transform that mirrors at random.

    Returns:
        Name of the mirroring, 'none' or one of :data:`FLIP_DIRECTIONS` -> settings of the transform that force it.
    """
    if hasattr(step, 'flip_outcomes'):
        return step.flip_outcomes()
    directions = [step.direction] if isinstance(step.direction, str) else list(step.direction)
    chances = list(step.prob) if isinstance(step.prob, list) else [step.prob / len(directions)] * len(directions)
    outcomes = {'none': dict(prob=0.0)} if sum(chances) < 1 else {}
    for direction, chance in zip(directions, chances):
        if chance > 0:
            named = {} if type(step).__name__ == 'HandRandomFlip' else dict(direction=direction)
            outcomes[direction] = dict(prob=1.0, **named)
    return outcomes
