"""Evaluation protocols: everything besides the predictions that determines an error, in one name.

On one file of predictions the protocol alone moves the mean from 6.6 to 9.9 mm, so each number's name begins with its
protocol. A name reads ``ALIGNMENT_JOINTS``, such as ``rel-middle_mcp_gt-scale_21j``:

============ ======================= =================================================================================
alignment    in the name             applied to a prediction before its error is measured
============ ======================= =================================================================================
'absolute'   abs                     nothing
'root'       rel-ROOT_pred-scale     its root is shifted onto the true one
'root+scale' rel-ROOT_gt-scale       normalised joints are scaled by the true scale bone and shifted by the true root
'root+bone'  rel-ROOT_bone-scale     as 'root', and its own scale bone is scaled to the true length
'n'          rel-ROOT_n-scale        as 'root', and it is scaled by the best factor (N-MPJPE)
'pa'         pa                      the best similarity transform of the labelled joints (PA-MPJPE), no mirroring
============ ======================= =================================================================================

``21j`` is the number of joints of a hand. ``21j-joint0=palm``: joint 0 is the palm's centre instead of the wrist (by
the data set's meta information); ``tips-of-21j`` or ``thumb_tip+index_tip-of-21j``: only these count; ``21j-visible``:
only visible joints count; ``21j_pooled``: means and medians are taken over all errors at once instead of joint by
joint. A scale bone other than from joint 0 to the middle finger's base is named as well:
``rel-wrist_gt-scale:wrist:index_mcp_21j``.

All these are for joints in space, in mm. ``px_21j`` and ``px_tips-of-21j-visible`` are for 2D joints, in pixels of the
original image, without alignment.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np

from handkd.hand import JOINTS, TIPS
from handkd.hints import check_choice, did_you_mean

from .alignment import align_best_scale, align_bone, align_known_scale, align_procrustes, align_root
from .functional import AUC_PRESETS, AucRule

PALM_JOINTS: tuple[str, ...] = ('palm', *JOINTS[1:])
"""Joint names of a data set whose joint 0 is the palm's centre (STB, LM)."""

NYU_EVALUATION_JOINTS: tuple[str, ...] = (
    'F1_KNU3_A', 'F1_KNU2_B', 'F2_KNU3_A', 'F2_KNU2_B', 'F3_KNU3_A', 'F3_KNU2_B', 'F4_KNU3_A', 'F4_KNU2_B',
    'TH_KNU3_A', 'TH_KNU3_B', 'TH_KNU2_B', 'PALM_1', 'PALM_2', 'PALM_3',
)  # fmt: skip
"""The 14 joints of NYU's evaluation, [0,3,6,9,12,15,18,21,24,25,27,30,31,32] of its 36; F1 is the little finger."""

ICVL_JOINTS: tuple[str, ...] = (
    'palm',
    *(
        f'{finger}_{joint}'
        for finger in ('thumb', 'index', 'middle', 'ring', 'little')
        for joint in ('root', 'mid', 'tip')
    ),
)
"""The 16 joints of ICVL."""

PIXELS = 'px_'
"""Beginning of the name, in place of an alignment, for joints in pixels of the original image."""

_IN_NAME = {
    'absolute': 'abs',
    'root': 'pred-scale',
    'root+scale': 'gt-scale',
    'root+bone': 'bone-scale',
    'n': 'n-scale',
    'pa': 'pa',
}
ALIGNMENTS: tuple[str, ...] = tuple(_IN_NAME)
"""Alignments of a prediction before its error is measured (see this module)."""

_FREEDOM = {'absolute': 0, 'root': 1, 'root+scale': 2, 'root+bone': 2, 'n': 2, 'pa': 3}
"""Degrees of freedom that an alignment removes: none, position, also size, also orientation."""

_TIP_NAMES = tuple(JOINTS[i] for i in TIPS)
_NAME = re.compile(
    r'(?:(?P<plain>abs|pa)|rel-(?P<root>.+?)_(?P<scale>pred|gt|bone|n)-scale'
    r'(?::(?P<start>\w+):(?P<end>\d+|wrist|palm|[a-z]+_[a-z]+))?)'
    r'_(?:(?P<counted>[\w+]+)-of-)?(?P<number>\d+)j(?:-joint0=(?P<joint0>[\w.]+))?(?P<visible>-visible)?(?P<pooled>_pooled)?'
)


@dataclass(frozen=True)
class Protocol:
    """Rules of a comparison of predictions with the truth. See this module for the name of its numbers.

    Attributes:
        alignment: One of :data:`ALIGNMENTS`.
        root: Name of the root joint, 'palm' for the palm's centre (joint 0 of :data:`PALM_JOINTS`, else midway between
            wrist and middle finger's base). Defaults to None: for an alignment without a root.
        joints: Names of a hand's joints, in the order of the arrays. None stands for any number of joints, which
            :meth:`for_joints` fills in; their root is then an index. Defaults to JOINTS.
        counted: Names of the joints that count; 'n' and 'pa' are also fitted to these only. Defaults to None: all.
        visible_only: Whether only visible joints count. Labelled joints take part in the alignment even if hidden.
            Defaults to False.
        scale_bone: The two joints whose distance is the hand's scale. Defaults to None: joint 0 and the middle finger's
            base.
        per_joint: True takes mean, median and PCK joint by joint and then the mean over the joints (Zimmermann and
            Brox), False over all errors at once. The means differ only if joints lack labels. Defaults to True.
        auc: Areas under the PCK curve to report. Defaults to the preset '20-50'.
        also: Other alignments whose mean error is reported as well. Defaults to ().
        also_auc: Whether the areas are reported for the alignments of ``also``, too. Defaults to False.
        centimetres: Whether the mean errors are reported in cm as well, as they are published. Defaults to False.
        by_hand_type: Whether the mean errors of single and of interacting hands are reported as well (see
            :func:`~handkd.evaluation.functional.hand_type_means`). Defaults to False.
        skip_rootless: Whether hands whose root has no label don't count, instead of being refused. Defaults to False.

    Raises:
        ValueError: If an alignment or a joint is unknown (names the nearest right one), or a root or scale bone is
            missing.
    """

    alignment: str
    root: str | None = None
    joints: tuple[str, ...] | None = JOINTS
    counted: tuple[str, ...] | None = None
    visible_only: bool = False
    scale_bone: tuple[str, str] | None = None
    per_joint: bool = True
    auc: tuple[AucRule, ...] = (AUC_PRESETS['20-50'],)
    also: tuple[str, ...] = ()
    also_auc: bool = False
    centimetres: bool = False
    by_hand_type: bool = False
    skip_rootless: bool = False

    def __post_init__(self) -> None:
        for alignment in (self.alignment, *self.also):
            check_choice(alignment, ALIGNMENTS, 'alignment')
            if alignment not in ('absolute', 'pa') and self.root is None:
                raise ValueError(f'the alignment {alignment!r} needs a root joint')
        if self.joints is None:
            return
        if self.root is not None:
            self.root_indices  # noqa: B018 (raises where there is no such joint)
        for name in (*(self.counted or ()), *(self.scale_bone or ())):
            self._index(name)
        if {'root+scale', 'root+bone'} & {self.alignment, *self.also}:
            start, end = self.bone_indices
            if start == end:
                raise ValueError(f'scale_bone must be two different joints, found {self.scale_bone!r}')

    def _index(self, name: str) -> int:
        if name not in self.joints:
            raise ValueError(f'no joint named {name!r} among the {self.number}; {did_you_mean(name, self.joints)}')
        return self.joints.index(name)

    @property
    def number(self) -> str:
        """Short name of the hand's joints, such as '21j' or '21j-joint0=palm'."""
        other = self.joints[0] != JOINTS[0] and self.joints[1:] == JOINTS[1:]
        return f'{len(self.joints)}j' + (f'-joint0={self.joints[0]}' if other else '')

    @property
    def root_indices(self) -> tuple[int, ...]:
        """Indices of the joints whose mean is the root."""
        if self.root == 'palm' and self.joints == JOINTS:
            return 0, JOINTS.index('middle_mcp')
        return (self._index(self.root),)

    @property
    def bone_indices(self) -> tuple[int, int]:
        """Indices of the scale bone's joints."""
        start, end = self.scale_bone or (self.joints[0], 'middle_mcp')
        return self._index(start), self._index(end)

    @property
    def name(self) -> str:
        """Short name of the protocol, as put before each number's name (see this module)."""
        head = _IN_NAME[self.alignment]
        if self.alignment not in ('absolute', 'pa'):
            bone = ''
            if self.alignment in ('root+scale', 'root+bone') and self.scale_bone is not None:
                default = replace(self, scale_bone=None).bone_indices == self.bone_indices
                bone = '' if default else ':{}:{}'.format(*self.scale_bone)
            head = f'rel-{self.root}_{head}{bone}'
        counted = ''
        if self.counted is not None:
            counted = ('tips' if self.counted == _TIP_NAMES else '+'.join(self.counted)) + '-of-'
        visible, pooled = '-visible' * self.visible_only, '_pooled' * (not self.per_joint)
        return f'{head}_{counted}{self.number}{visible}{pooled}'

    @property
    def description(self) -> str:
        """Description of the protocol, for the heading of a table."""
        root = f'the root ({self.root}) is shifted onto the true one'
        done = {
            'absolute': 'nothing is aligned',
            'root': root,
            'root+scale': f'normalised joints are scaled by the true scale bone and put at the true root ({self.root})',
            'root+bone': f'{root} and the scale bone is scaled to its true length',
            'n': f'{root} and each hand is scaled by its best factor',
            'pa': 'each hand is aligned by its best similarity transform, mirroring excluded',
        }[self.alignment]
        which = f'all {len(self.joints)} joints' if self.counted is None else ', '.join(self.counted)
        which += ' that are visible' if self.visible_only else ''
        averaging = 'joint by joint, then over the joints' if self.per_joint else 'over all errors at once'
        return f'{done}; {which} count; mean, median and PCK are taken {averaging}'

    @property
    def counts(self) -> np.ndarray:
        """Mask of the joints that count, shape (K,), bool."""
        return np.array([self.counted is None or name in self.counted for name in self.joints])

    def with_alignment(self, alignment: str) -> Protocol:
        """Return the same protocol with another alignment and an empty ``also``."""
        return replace(self, alignment=alignment, also=())

    def for_joints(self, number: int, names: tuple[str, ...] | None = None) -> Protocol:
        """Return the protocol for hands of ``number`` joints.

        Args:
            number: Number of joints.
            names: Their names. Defaults to None: handkd's for 21 joints, else '0', '1', ...

        Raises:
            ValueError: If it is for other joints; names both.
        """
        if self.joints is None:
            names = names or (JOINTS if number == len(JOINTS) else tuple(map(str, range(number))))
            return replace(self, joints=names, root=None if self.root is None else names[int(self.root)])
        if len(self.joints) != number:
            raise ValueError(f'the protocol {self.name} is for {len(self.joints)} joints, found {number}')
        if names is not None and names != self.joints:
            raise ValueError(
                f'the protocol {self.name} has {self.joints[0]!r} as joint 0, but these joints have {names[0]!r}'
            )
        return self

    def can_follow(self, other: Protocol) -> bool:
        """Whether this protocol gives the same on predictions aligned by ``other`` as on the original ones."""
        same_joints = (self.counted, self.visible_only) == (other.counted, other.visible_only)
        no_less = _FREEDOM[other.alignment] <= _FREEDOM[self.alignment]
        return same_joints and no_less and self.alignment != 'root+scale'

    def align(self, pred: np.ndarray, target: np.ndarray, labelled: np.ndarray | None = None) -> np.ndarray:
        """Align predictions with the truth.

        Args:
            pred: Joints, shape (N, K, 3), mm, camera frame; for 'root+scale' relative to the root, in units of the
                scale bone.
            target: True joints, shape (N, K, 3), mm, camera frame.
            labelled: Which joints have a label, shape (N, K), bool. Defaults to None: all.

        Returns:
            Joints in the target's unit and frame, shape (N, K, 3), float64; with 'pa', NaN at joints without a label or
            that do not count.

        Raises:
            ValueError: If the root or scale bone has no label, or another alignment is impossible; names the sample
                and protocols that work.
        """
        pred, target = np.asarray(pred, np.float64), np.asarray(target, np.float64)
        labelled = np.ones(pred.shape[:2], bool) if labelled is None else np.asarray(labelled, bool)
        if self.alignment == 'absolute':
            return pred
        if self.alignment == 'pa':
            return align_procrustes(pred, target, labelled & self.counts)
        root, bone = self.root_indices, ()
        if self.alignment in ('root+scale', 'root+bone'):
            bone = self.bone_indices
        self._require_labels(labelled, {*root, *bone})
        if self.alignment == 'root':
            return align_root(pred, target, root)
        if self.alignment == 'n':
            return align_best_scale(pred, target, root, labelled & self.counts)
        return (align_known_scale if self.alignment == 'root+scale' else align_bone)(pred, target, root, bone)

    def _require_labels(self, labelled: np.ndarray, needed: set[int]) -> None:
        lacking = ~labelled[:, sorted(needed)].all(1)
        if lacking.any():
            sample = int(np.argmax(lacking))
            names = [self.joints[joint] for joint in sorted(needed) if not labelled[sample, joint]]
            raise ValueError(
                f'the protocol {self.name} needs a label of {" and ".join(names)}, but sample {sample} has none '
                f'({lacking.sum()} of {len(labelled)} samples): choose one that needs no root, '
                f'{self.with_alignment("absolute").name} or {self.with_alignment("pa").name}'
            )


_NYU_RULES = (AucRule(20, 50, 31), AucRule(0, 50, 31))
_HAND_RULES = tuple(AUC_PRESETS.values())
_OBJECT_RULES = (AucRule(0, 50, 100),)
_SHAPE = Protocol('pa', 'wrist', auc=_OBJECT_RULES, also=('root+bone',), also_auc=True, centimetres=True)

PROTOCOLS: dict[str, Protocol] = {
    'absolute': Protocol('absolute', joints=None),
    'root': Protocol('root', root='0', joints=None, also=('n', 'pa')),
    'n': Protocol('n', root='0', joints=None),
    'pa': Protocol('pa', joints=None),
    'rhd': Protocol('root', 'wrist', visible_only=True, auc=_HAND_RULES, also=('n', 'pa')),
    'stb': Protocol('root', 'palm', PALM_JOINTS, auc=_HAND_RULES, also=('n', 'pa')),
    'nyu': Protocol('absolute', 'PALM_3', NYU_EVALUATION_JOINTS, per_joint=False, auc=_NYU_RULES, also=('root', 'pa')),
    'icvl': Protocol('absolute', 'palm', ICVL_JOINTS, per_joint=False, auc=_NYU_RULES, also=('root', 'pa')),
    'dexycb': Protocol('absolute', 'wrist', auc=_OBJECT_RULES, also=('root', 'pa'), also_auc=True),
    'ho3d': _SHAPE,
    'freihand': _SHAPE,
    'interhand': Protocol('root', 'wrist', by_hand_type=True, skip_rootless=True),
}
"""Protocols by name: four for hands of any number of joints, with joint 0 as the root, and those of data sets.

'rhd' counts visible joints only, as Zimmermann and Brox do; 'stb' has joint 0 at the palm's centre, as labelled in the
data set, and no visibility. 'nyu' and 'icvl' follow the evaluation of awesome-hand-pose-estimation: nothing is aligned,
all joints and frames count, and the median is over all errors; reported as well are the mean relative to the palm,
PALM_3 (the last of the 14 joints) or ICVL's joint 0 (of palm, then root, middle and tip of thumb to little finger), and
PA.

'dexycb', 'ho3d' and 'freihand' take means and areas joint by joint, as the owners' scripts do, with 100 thresholds
from 0 to 50 mm. 'dexycb': nothing aligned, relative to the wrist, PA. 'ho3d' and 'freihand': PA, and alignment by scale
and translation, for which HO-3D's script shifts the wrist and scales the bone from there to the middle finger's base;
in mm, and in cm as published. The scripts' PA also mirrors a hand where that fits better; ours never does, and is
larger for such hands. 'interhand' is relative to the wrist, for single and interacting hands apart; as by its owners, a
hand without a labelled wrist does not count.
"""


def find_protocol(name: str) -> Protocol:
    """Return a protocol by its key in :data:`PROTOCOLS` or by its full name (see this module).

    Raises:
        ValueError: If it is neither; names the nearest right one.
    """
    if name in PROTOCOLS:
        return PROTOCOLS[name]
    found = _NAME.fullmatch(name)
    if found is None:
        raise ValueError(
            f'no protocol named {name!r} (a full name such as rel-wrist_pred-scale_21j or pa_16j works, too); '
            f'{did_you_mean(name, PROTOCOLS)}'
        )
    number = int(found['number'])
    if found['joint0'] and number != len(JOINTS):
        raise ValueError(f'protocol {name!r}: joint0 is for {len(JOINTS)} joints, found {number}')
    joints = (found['joint0'] or JOINTS[0], *JOINTS[1:]) if number == len(JOINTS) else tuple(map(str, range(number)))
    counted = found['counted']
    scale = f'{found["scale"]}-scale' if found['scale'] else found['plain']
    return Protocol(
        next(alignment for alignment, text in _IN_NAME.items() if text == scale),
        found['root'],
        joints,
        counted and (_TIP_NAMES if counted == 'tips' else tuple(counted.split('+'))),
        bool(found['visible']),
        (found['start'], found['end']) if found['start'] else None,
        not found['pooled'],
    )
