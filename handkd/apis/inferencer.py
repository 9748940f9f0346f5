"""Hands from pictures: a trained student on one image at a time."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike, fspath

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate

from handkd.config import load_config
from handkd.datasets.transforms import PackHandInputs, read_image, warp_sample
from handkd.evaluation import original_pixels
from handkd.geometry import affine_camera, box_square, crop_matrix, project
from handkd.hand import SIDES, chirality
from handkd.models import load_weights
from handkd.registry import MODELS

from .complexity import input_shape
from .runs import student_config

BOX_FACTOR = 1.25
"""Side of the crop in units of the longer side of the hand's box: the rule of the crops in training."""

_PLACEMENT_STEPS = 200


class HandInferencer:
    """A trained network with the pre-processing of its training, for images of any size.

    The network sees a square crop around the hand. A 3D network gives the joints' positions in space, relative to the
    hand and in units of its scale. Their pixels are *derived*: crops in training are cut so that the joints' tight box,
    made square and enlarged by 1.25, is the crop, so the joints are placed where their box fills the given one. A 2D
    network gives the joints' pixels in the crop, which are those in the image by the crop's own map, and nothing else.
    A 2.5D network (configs/ekd) gives both; what is nearer is larger in the image, so its hand in space depends on the
    camera, and without one is that seen from far away.
    Networks whose training crops follow another rule (``HandCrop(rule='zb')`` of configs/pi) see the hand a little
    smaller here than in training.

    Args:
        config: Path of a config, or the config. Of a distilled model the student alone is built.
        checkpoint: Its weights; those of a distilled model fit.
        device: Where to run; None takes the GPU if there is one.

    Raises:
        FileNotFoundError: If the config or the checkpoint is missing.
        ValueError: If the network takes no RGB images, or the checkpoint does not fit it.

    Example:
        >>> infer = HandInferencer('configs/pmd/resnet18half_studio.py', 'work_dirs/pmd/iter_3000.pth')
        >>> hand, = infer('hand.jpg', box=(120, 80, 200, 220), hand_scale_mm=95)
        >>> hand['keypoints_3d'].shape, hand['unit']
        ((21, 3), 'mm')
    """

    def __init__(
        self,
        config: str | PathLike | Config,
        checkpoint: str | PathLike,
        device: str | torch.device | None = None,
    ) -> None:
        cfg = config if isinstance(config, Config) else load_config(config, only='model')
        height, width = input_shape(cfg)
        if height != width:
            raise ValueError(f'{cfg.filename}: crops are square, but input_size is {height} x {width}')
        self.input_size = width
        self.model = MODELS.build(student_config(cfg).model)
        if self.model.modality != 'rgb':
            raise ValueError(f'{cfg.filename}: the network takes {self.model.modality!r}, images give RGB only')
        load_weights(self.model, checkpoint, owner=f'the network of {cfg.filename}')
        self.model.to(device or ('cuda' if torch.cuda.is_available() else 'cpu')).eval()
        self._pack = PackHandInputs(modalities=('rgb',))
        self._border = _border(cfg)

    def __call__(
        self,
        images: str | PathLike | np.ndarray | Sequence[str | PathLike | np.ndarray],
        box: str | Sequence[float] = 'full',
        side: str | None = None,
        hand_scale_mm: float | None = None,
        camera: np.ndarray | None = None,
    ) -> list[dict]:
        """Find the joints of one hand in each image.

        Args:
            images: One image or several: paths, or BGR arrays of uint8 and shape (H, W, 3).
            box: (x, y, width, height) of the hand in px, for every image; or 'full' for images that are crops already,
                with the hand's box in the middle at 0.8 of the longer side.
            side: 'left' or 'right', if known. None estimates it from the predicted pose.
            hand_scale_mm: Length of the codec's scale bone, if known; of configs/pmd wrist to middle finger's base.
            camera: Intrinsics K of the image, shape (3, 3), if known: pixels are then placed in perspective, and
                without it in weak perspective; so is the hand of a 2.5D network in space.

        Returns:
            One dict an image: ``file`` (path or None); ``keypoints`` (21, 2) in px of the image, of a 3D network
            derived (see the class); ``keypoints_3d`` (21, 3), relative to joint 0, along the camera's axes (x right,
            y down, z forward), in ``unit``, which is 'mm' if the scale was given and else 'hand_scale' (the scale bone
            is 1 long); ``side``; ``side_source``, 'given' or 'estimated'; ``side_confidence``, from 0 to 1, of the
            estimate (None if given); ``box``, the (x, y, width, height) used. Of a 2D network ``keypoints_3d`` and
            ``unit`` are None, and so are ``side`` and ``side_source`` if no side was given: the side can't be told from
            2D joints.

        Raises:
            OSError: If an image can't be read; names it.
            ValueError: If an argument makes no sense, such as a scale or a camera for a 2D network, or a box lies
                outside an image.
        """
        single = isinstance(images, (str, PathLike, np.ndarray))
        if side not in (None, *SIDES):
            raise ValueError(f'side must be one of {SIDES}, or None to estimate it; found {side!r}')
        if hand_scale_mm is not None and not 0 < hand_scale_mm < np.inf:
            raise ValueError(f'the hand scale must be a positive length in mm, found {hand_scale_mm}')
        if camera is not None and np.shape(camera) != (3, 3):
            raise ValueError(f'camera must be the intrinsics K, shape (3, 3), found shape {np.shape(camera)}')
        return [self._infer(image, box, side, hand_scale_mm, camera) for image in ([images] if single else images)]

    def _infer(
        self,
        source: str | PathLike | np.ndarray,
        box: str | Sequence[float],
        side: str | None,
        hand_scale_mm: float | None,
        camera: np.ndarray | None,
    ) -> dict:
        file = None if isinstance(source, np.ndarray) else fspath(source)
        image = source if file is None else read_image(file)
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise ValueError(f'an image must be BGR, uint8, (H, W, 3); found {image.dtype} {image.shape}')
        box = find_box(box, image.shape[:2], file or 'the image')
        center, crop_side = box_square(np.array([box[0], box[1], box[0] + box[2], box[1] + box[3]]), BOX_FACTOR)
        matrix = crop_matrix(center, crop_side, self.input_size)
        pred = self._predict(image, matrix, camera)
        pixels = original_pixels(pred['keypoints'], matrix) if 'keypoints' in pred else None
        if 'keypoints_xyz' in pred:
            if pixels is None:
                pixels = place_in_box(pred['keypoints_xyz'], center, crop_side / BOX_FACTOR, camera)
            hand = _hand_in_space(pred['keypoints_xyz'], pixels, side, hand_scale_mm)
        else:
            if hand_scale_mm is not None or camera is not None:
                raise ValueError('the hand scale and the camera are for 3D networks; this network gives 2D joints only')
            hand = _hand_in_image(pixels, side)
        return dict(file=file, **hand, box=box)

    def _predict(self, image: np.ndarray, matrix: np.ndarray, camera: np.ndarray | None) -> dict[str, np.ndarray]:
        """Joints of the hand that a map (3, 3) of the image's pixels brings into the crop.

        Returns:
            Of a 3D network ``keypoints_xyz`` (21, 3), normalised; of a 2D network ``keypoints`` (21, 2) in px of the
            crop; of a 2.5D network both.
        """
        size = self.input_size
        sample = warp_sample(dict(img=image), matrix, (size, size), self._border)
        sample['camera'] = _far_camera(size) if camera is None else affine_camera(dict(K=camera), matrix)[0]
        (result,) = self.model.test_step(pseudo_collate([self._pack(sample)]))
        keys = [key for key in ('keypoints_xyz', 'keypoints') if key in result.pred_instances]
        joints = {key: result.pred_instances[key][0].astype(np.float64) for key in keys}
        if not all(np.isfinite(values).all() for values in joints.values()):
            raise ValueError('the network predicts what is not finite: its training diverged, take other weights')
        return joints


def _far_camera(size: int) -> dict[str, np.ndarray]:
    """A camera so far from the crop that what is nearer is hardly larger, for images of an unknown one."""
    focal, middle = 20.0 * size, (size - 1) / 2
    return dict(K=np.array([[focal, 0.0, middle], [0.0, focal, middle], [0.0, 0.0, 1.0]]))


def _border(cfg: Config) -> int:
    """What the network saw outside of images: the ``border`` of WarpCrop in the config's test pipeline."""
    pipeline = cfg.get('test_dataloader', {}).get('dataset', {}).get('pipeline', [])
    return next((step.get('border', 0) for step in pipeline if step['type'] == 'WarpCrop'), 0)


def _hand_in_space(xyz: np.ndarray, keypoints: np.ndarray, side: str | None, hand_scale_mm: float | None) -> dict:
    """What is known of a hand from its normalised joints (21, 3) and its pixels (21, 2)."""
    wrist_relative = xyz - xyz[0]
    estimate, confidence = chirality(wrist_relative)
    return dict(
        keypoints=keypoints,
        keypoints_3d=wrist_relative * (hand_scale_mm or 1.0),
        unit='hand_scale' if hand_scale_mm is None else 'mm',
        side=side or estimate,
        side_source='given' if side else 'estimated',
        side_confidence=None if side else confidence,
    )


def _hand_in_image(keypoints: np.ndarray, side: str | None) -> dict:
    """What is known of a hand from its pixels (21, 2): the keys of :func:`_hand_in_space`."""
    return dict(
        keypoints=keypoints,
        keypoints_3d=None,
        unit=None,
        side=side,
        side_source='given' if side else None,
        side_confidence=None,
    )


def find_box(box: str | Sequence[float], shape: tuple[int, int], name: str) -> tuple[float, float, float, float]:
    """Check a hand's box, and find the one that 'full' means.

    Args:
        box: (x, y, width, height) in px; or 'full': the whole image is the crop, so the box is the square in its middle
            that the crop's rule enlarges to the image's longer side.
        shape: (height, width) of the image.
        name: What errors call the image.

    Returns:
        (x, y, width, height) in px.

    Raises:
        ValueError: If the box is malformed, empty, or entirely outside the image.
    """
    height, width = shape
    if isinstance(box, str):
        if box != 'full':
            raise ValueError(f"box must be 'full' or (x, y, width, height) in px, found {box!r}")
        edge = max(height, width) / BOX_FACTOR
        return ((width - 1 - edge) / 2, (height - 1 - edge) / 2, edge, edge)
    values = np.asarray(box, np.float64)
    if values.shape != (4,) or not np.isfinite(values).all() or not (values[2:] > 0).all():
        raise ValueError(f'box must be (x, y, width, height) in px with a positive size, found {tuple(box)}')
    x, y, w, h = values.tolist()
    if x >= width or y >= height or x + w <= 0 or y + h <= 0:
        raise ValueError(f'{name}: the box {(x, y, w, h)} lies outside the image of {width} x {height} px')
    return x, y, w, h


def place_in_box(joints: np.ndarray, center: np.ndarray, extent: float, camera: np.ndarray | None = None) -> np.ndarray:
    """Place a hand of known shape in an image, so that the tight box of its joints has a given centre and size.

    Args:
        joints: Joints up to their position, shape (21, 3), any unit, camera axes.
        center: Centre of the box in px, shape (2,).
        extent: Longer side of the box in px.
        camera: Intrinsics K, shape (3, 3), for perspective, where the hand's distance follows from its size; None for
            weak perspective, which leaves out what foreshortening does.

    Returns:
        The joints' pixels, shape (21, 2).

    Raises:
        ValueError: If the joints coincide, or if no distance from this camera gives that box.
    """
    joints = np.asarray(joints, np.float64)
    size = np.ptp(joints[:, :2], axis=0).max()
    if not size > 0:
        raise ValueError('the predicted joints all fall together: the network is not trained')
    if camera is None:
        middle = (joints[:, :2].min(0) + joints[:, :2].max(0)) / 2
        return (joints[:, :2] - middle) * (extent / size) + center
    intrinsics = np.asarray(camera, np.float64)
    inverse = np.linalg.inv(intrinsics)
    shape = joints - joints.mean(0)
    nearest = -shape[:, 2].min() + 0.05 * np.ptp(shape, axis=0).max()
    distance = max(nearest, intrinsics[0, 0] * size / extent)
    aim = np.array(center, np.float64)  # pixel that the hand's centroid is put on
    for _ in range(_PLACEMENT_STEPS):
        pixels = project(shape + distance * (inverse @ (*aim, 1.0)), {'K': intrinsics})
        low, high = pixels.min(0), pixels.max(0)
        ratio, offset = (high - low).max() / extent, center - (low + high) / 2
        if abs(ratio - 1) < 1e-6 and np.abs(offset).max() < 1e-4 * extent:
            return pixels
        distance, aim = max(nearest, distance * ratio), aim + offset
    raise ValueError(
        f'no hand in front of this camera fills a box of {extent:.0f} px at {np.round(center).tolist()}: check K '
        '(in px of this image) and the box'
    )
