"""Depth maps: normalisation to the input range of a network, and a mask of the hand."""

from __future__ import annotations

import cv2
import numpy as np

from handkd.geometry import scale_to_cube, unproject
from handkd.hand import JOINT_INDEX, JOINTS, joint_index
from handkd.hints import check_choice
from handkd.registry import TRANSFORMS

from .batch import BatchTransform, SampleBatch
from .sample import sample_name

_MIDDLE = JOINT_INDEX['middle_mcp']


@TRANSFORMS.register_module()
class DepthToCube(BatchTransform):
    """Normalises depth to [-1, 1] inside a metric cube around the hand.

    depth' = clip((depth - z) / (cube / 2), -1, 1), and 1, the cube's back, without a measurement, or with
    ``hand_only`` outside the hand. Put it after all transforms that warp pixels. Sets ``depth_cube`` = (z, cube), which
    inverts the normalisation.

    Args:
        cube (float): The cube's edge in mm. Defaults to 300.0.
        center (str): z is the true depth of a joint ('root'), or the median of the depth on ``hand_mask``, or
            without one in the image's central half ('depth'), which needs no label; or the depth of the hand found by
            FindHandCube ('hand'). Defaults to 'root'.
        root (str | int): The joint for 'root'. Defaults to 'middle_mcp'.
        hand_only (bool): Whether everything outside ``hand_mask``, such as forearm and held objects, is background
            (Neverova et al., 2017, section 3: "the background is considered to be subtracted"). This holds for
            ``part_seg`` too, if present, where pixels without depth are also background. Defaults to False.

    Raises:
        ValueError: If the cube is not positive, or the center or joint is unknown.
    """

    cache_effect = 'fixed'

    def __init__(
        self,
        cube: float = 300.0,
        center: str = 'root',
        root: str | int = 'middle_mcp',
        hand_only: bool = False,
    ) -> None:
        check_choice(center, ('root', 'depth', 'hand'), 'DepthToCube(center=...)')
        if not cube > 0:
            raise ValueError(f'DepthToCube: cube must be a positive length in mm, found {cube!r}')
        self.cube, self.center, self.root = cube, center, joint_index(root)
        self.hand_only = hand_only

    def transform_batch(self, batch: SampleBatch, draws: np.ndarray) -> None:
        """Replace ``depth`` (H, W), mm to [-1, 1] in the cube, and with ``hand_only`` ``part_seg`` (H, W).

        Raises:
            ValueError: If a sample has no depth, no mask with ``hand_only``, or no centre for the cube, or is
                normalised already.
        """
        batch.require(self, 'depth', *(['hand_mask'] if self.hand_only else []))
        if 'depth_cube' in batch:
            name = sample_name(batch.sample(0))
            raise ValueError(f'DepthToCube: the depth of {name} is in a cube already; apply it once')
        if self.hand_only and 'part_seg' in batch:
            planes = zip(batch['part_seg'], batch['hand_mask'], batch['depth'])
            batch['part_seg'] = [np.where(mask & (depth > 0), parts, np.uint8(0)) for parts, mask, depth in planes]
        if self.center == 'root':
            centers = self._root_depths(batch)
        elif self.center == 'hand':
            batch.require(self, 'hand_center')
            centers = batch['hand_center'][:, 0, 2].tolist()
        else:
            centers = [self._median_depth(sample) for sample in batch.samples()]
        depths = batch['depth']
        if not isinstance(depths, np.ndarray):  # these arrays must not be written to
            batch['depth'] = [np.empty(depth.shape, np.float32) for depth in depths]
        for depth, z, scaled in zip(depths, centers, batch['depth']):
            scale_to_cube(depth, z, self.cube, scaled)
        if self.hand_only:
            for scaled, mask in zip(batch['depth'], batch['hand_mask']):
                scaled[~mask] = 1
        batch['depth_cube'] = [(z, self.cube) for z in centers]

    def _root_depths(self, batch: SampleBatch) -> list[float]:
        batch.require(self, 'keypoints_cam')
        labelled = batch.labelled()[:, self.root]
        if not labelled.all():
            name = sample_name(batch.sample(int(np.argmin(labelled))))
            raise ValueError(f'DepthToCube: {name} has no label for its root {JOINTS[self.root]}')
        return batch['keypoints_cam'][:, self.root, 2].tolist()

    def _median_depth(self, results: dict) -> float:
        depth = results['depth']
        if results.get('hand_mask') is not None:
            region, name = depth[results['hand_mask']], 'on the hand mask'
        else:
            height, width = depth.shape
            region = depth[height // 4 : height - height // 4, width // 4 : width - width // 4]
            name = 'in the central half of the image'
        readings = region[region > 0]
        if not readings.size:
            raise ValueError(f'DepthToCube: {sample_name(results)} has no depth {name} to centre the cube on')
        return float(np.median(readings))


@TRANSFORMS.register_module()
class HandMaskFromDepth(BatchTransform):
    """Segments the hand in a depth map using the true joints, for data sets without masks; sets ``hand_mask``.

    A pixel is on the hand if its 3D point lies in the joints' bounding box, widened by a margin on each side, and by
    half of it at the back, since a camera sees the front; if it is at most ``forearm`` beyond the
    wrist; and if such pixels connect it in the image to a pixel that a joint projects to. Objects that touch the
    hand within the box, such as held ones, are included.

    Args:
        margin (float): Thickness of flesh around the joints, in mm. Defaults to 20.0.
        joint0 (str): The data set's joint 0: 'wrist', or 'palm' for the palm's centre. The wrist is then
            the reflection of the middle finger's base in it, which is exact for RHD with
            ``joint0='palm'`` and approximate for STB. Defaults to 'wrist'.
        forearm (float, optional): Length of forearm beyond the wrist that counts as hand, in mm. Of the studio's masks
            at the margin's 20 mm, 7 % are forearm; at 5 mm 2 %, and of the hand 0.3 % is lost. Defaults to None: the
            margin.

    Raises:
        ValueError: If the margin is not positive, forearm is negative, or joint 0 is unknown.
    """

    cache_effect = 'fixed'

    def __init__(self, margin: float = 20.0, joint0: str = 'wrist', forearm: float | None = None) -> None:
        if not margin > 0:
            raise ValueError(f'HandMaskFromDepth: margin must be a positive length in mm, found {margin!r}')
        check_choice(joint0, ('wrist', 'palm'), 'HandMaskFromDepth(joint0=...)')
        if forearm is not None and not forearm >= 0:
            raise ValueError(f'HandMaskFromDepth: forearm must be a length in mm, not negative; found {forearm!r}')
        self.margin, self.joint0, self.forearm = margin, joint0, margin if forearm is None else forearm

    def transform_batch(self, batch: SampleBatch, draws: np.ndarray) -> None:
        """Set ``hand_mask`` (H, W), bool, in the pixels of the image; empty if there is no depth at the joints.

        Raises:
            ValueError: If depth, joints or the camera are missing, or joint 0 or middle_mcp has no label; names the
                sample.
        """
        batch.require(self, 'depth', 'keypoints', 'keypoints_cam', 'camera')
        labelled = batch.labelled()
        lacking = ~labelled[:, [0, _MIDDLE]].all(1)
        if lacking.any():
            name = sample_name(batch.sample(int(np.argmax(lacking))))
            raise ValueError(f'HandMaskFromDepth: {name} has no label for its {self.joint0} or middle_mcp')
        batch['hand_mask'] = [self._find(sample, valid) for sample, valid in zip(batch.samples(), labelled)]

    def _find(self, sample: dict, valid: np.ndarray) -> np.ndarray:
        depth, joints = sample['depth'], sample['keypoints_cam'][0].astype(np.float64)
        middle = joints[_MIDDLE]
        if self.joint0 == 'palm':
            joints[0] = 2 * joints[0] - middle
        near, far = joints[valid].min(0) - self.margin, joints[valid].max(0) + self.margin
        far[2] -= self.margin / 2
        forearm = joints[0] - middle
        forearm /= np.linalg.norm(forearm) + 1e-9
        mask = (depth > max(near[2], 0.0)) & (depth < far[2])
        rows, columns = np.nonzero(mask)
        points = unproject(np.stack([columns, rows], -1), depth[mask], sample['camera'])
        mask[mask] = ((points > near) & (points < far)).all(-1) & ((points - joints[0]) @ forearm < self.forearm)
        return _connected(mask, sample['keypoints'][0][valid])


def _connected(mask: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """Return the components of a mask (H, W) that contain a seed, given as pixels (N, 2)."""
    count, labels = cv2.connectedComponents(mask.view(np.uint8))
    x, y = np.rint(seeds).astype(int).T
    inside = (x >= 0) & (y >= 0) & (x < mask.shape[1]) & (y < mask.shape[0])
    wanted = np.zeros(count, bool)
    wanted[labels[y[inside], x[inside]]] = True
    wanted[0] = False  # the complement of the mask
    return wanted[labels]
