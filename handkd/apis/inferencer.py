"""Inference on colour and depth images: a trained network on one image at a time."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike, fspath

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate

from handkd.config import load_config
from handkd.datasets.label_checks import check_camera
from handkd.datasets.transforms import PackHandInputs, read_image
from handkd.geometry import project, unproject
from handkd.hand import JOINTS, SIDES
from handkd.models import load_weights
from handkd.models.heads import PartSegmentationHead
from handkd.registry import MODELS
from handkd.units import FARTHEST

from .devices import find_device
from .hand_results import hand_in_cube, hand_in_image, hand_in_space, scale_hand
from .inference_crops import ConfigCrop, HandPlace, HandView, find_box
from .inference_depth import ConfigDepth, check_depth_known, read_depth
from .placement import place_in_box, place_in_space
from .runs import student_config

_ROUNDS = 4
"""Maximum number of times that a cube is moved onto the predicted hand; it hardly moves after the second time."""


class HandInferencer:
    """A trained network with the pre-processing of its config's test pipeline, for images of any size.

    The network gets the same square crop around the hand as in testing (:class:`.inference_crops.ConfigCrop`). With a
    virtual camera turned onto the hand, its joints are rotated back to the image's own camera.

    A 3D network gives the joints' positions in space, relative to the hand and in units of its scale. Their pixels are
    *derived*: the joints are placed so that their tight box fills the given one; or, if root and scale are given, at
    the position that these determine. A 2D network gives the joints' pixels in the crop, which the crop's own map
    takes to the image, and nothing else. A 2.5D network (configs/ekd) gives both; nearer parts are larger in the
    image, so its hand in space depends on the camera, and without one is that of a distant camera.

    Crops of ``HandCrop(rule='cube')`` (configs/nvs) need the camera, and either the root's pixel and depth, or the
    hand's box and scale: the cube starts around a mean hand in the box and is moved, a few times, to where the
    predicted hand fills the box. Crops of ``HandCrop(rule='zb')`` (configs/pi) are those of the test pipeline if the
    base of the middle finger is given; else they are centred on the box and have the average size of such crops.

    A depth network takes depth images, and needs their camera. Their depth is scaled to a cube around the hand found in
    it (:func:`handkd.geometry.find_hand`), in the box if one is given, or around ``root``; without a box the crop is
    around the cube, too. Everything outside the cube is background, as with ``tools/test.py --find-hands``: in training
    the true joints may have decided that.

    Args:
        config: Path of a config, or the config. Of a distilled model only the student is built.
        checkpoint: Its weights; those of a distilled model fit.
        device: Device to run on. Defaults to None: the GPU if there is one, else the CPU.

    Raises:
        FileNotFoundError: If the config or the checkpoint is missing.
        ValueError: If the device can't be used, the network takes neither RGB images nor depth or predicts no joints,
            the checkpoint does not fit it, or the config's test pipeline cuts no square around the hand.

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
        device = find_device(device)
        cfg = config if isinstance(config, Config) else load_config(config, only='model')
        self.model = MODELS.build(student_config(cfg).model)
        modality = self.model.modality
        if modality not in ('rgb', 'depth'):
            raise ValueError(f"{cfg.filename}: the network takes {modality!r}, expected 'rgb' or 'depth' for one image")
        head = getattr(self.model, 'head', self.model)
        if head is None or isinstance(head, PartSegmentationHead):
            made = 'views' if head is None else 'parts of the hand'
            raise ValueError(
                f'{cfg.filename}: the network predicts {made} and no joints: train it with a head for them'
            )
        self.crop = ConfigCrop(cfg)
        self.depth = ConfigDepth(cfg) if modality == 'depth' else None
        load_weights(self.model, checkpoint, owner=f'the network of {cfg.filename}')
        self.model.to(device).eval()
        self._pack = PackHandInputs(modalities=(modality,))

    def __call__(
        self,
        images: str | PathLike | np.ndarray | Sequence[str | PathLike | np.ndarray],
        box: str | Sequence[float] = 'full',
        side: str | None = None,
        hand_scale_mm: float | None = None,
        camera: np.ndarray | None = None,
        root: Sequence[float] | None = None,
        depth_unit: float | None = None,
    ) -> list[dict]:
        """Find the joints of one hand in each image.

        Args:
            images: One image or several: paths, or BGR arrays, uint8, shape (H, W, 3); for depth 16-bit PNGs of one
                channel, or arrays (H, W) of uint16 or float, in which 0 means no reading.
            box: (x, y, width, height) of the hand in px, tight around its joints, for every image; or 'full': images
                are the network's crops already, unless ``root`` gives the centre of the crop; depth images are
                searched as a whole for the nearest hand. Defaults to 'full'.
            side: 'left' or 'right', if known. Defaults to None: estimated from the predicted pose.
            hand_scale_mm: Length of the codec's scale bone in mm, if known; for configs/pmd from the wrist to the
                middle finger's base. Defaults to None.
            camera: Intrinsics K of the image, shape (3, 3), px, if known: pixels are then placed in perspective, and
                without it in weak perspective; so is the hand of a 2.5D network in space. Crops by a cube, and virtual
                cameras, need it. Defaults to None.
            root: Position of the joint that crops are centred on: (u, v) in px for the rule 'zb', (u, v, z), px and
                mm, for 'cube' and for depth. Defaults to None: found from the box, or in the depth.
            depth_unit: Millimetres per count of depth images. Defaults to None: 1.

        Returns:
            One dict per image: ``file`` (path or None); ``keypoints`` (21, 2) in px of the image, for a 3D network
            derived (see the class); ``keypoints_3d`` (21, 3), relative to joint 0, along the camera's axes (x right,
            y down, z forward), in ``unit``, which is 'mm' if the scale was given and else 'hand_scale' (the scale bone
            has length 1); ``side``; ``side_source``, 'given' or 'estimated'; ``side_confidence``, from 0 to 1, of the
            estimate (None if given); ``box``, the (x, y, width, height) used (None if only the root was);
            ``hand_center`` (3,), mm, camera frame, the centre of the cube of depth (None without depth); and
            ``keypoints_cam`` (21, 3), mm, camera frame, for a network that gives joints in that cube (configs/weakseg;
            with NYU's 14 joints all arrays have 14 and the side is None), and for a 2.5D network (configs/ekd) with a
            camera: as large as ``hand_scale_mm``, else as the mean hand of its training (None for other networks). For
            a 2D network ``keypoints_3d`` and ``unit`` are None, and so are ``side`` and ``side_source`` if no side was
            given: 2D joints don't determine the side.

        Raises:
            OSError: If an image can't be read; names it.
            ValueError: If an argument is invalid, such as a scale or a camera for a 2D network, a depth unit for colour
                images, or a box outside an image; if one that the crop needs is missing; or if an image is of the
                other kind, or has no depth.
        """
        single = isinstance(images, (str, PathLike, np.ndarray))
        if side not in (None, *SIDES):
            raise ValueError(f'side must be one of {SIDES}, or None to estimate it; found {side!r}')
        if hand_scale_mm is not None and not 0 < hand_scale_mm <= FARTHEST:
            raise ValueError(
                f'the hand scale must be a positive length in mm up to {FARTHEST:g}, found {hand_scale_mm}'
            )
        if camera is not None and np.shape(camera) != (3, 3):
            raise ValueError(f'camera must be the intrinsics K, shape (3, 3), found shape {np.shape(camera)}')
        camera = None if camera is None else np.asarray(camera, np.float64)
        if camera is not None:
            check_camera(dict(K=camera), 'camera')
        if depth_unit is not None and (self.depth is None or not 0 < depth_unit < np.inf):
            what = 'is for depth networks only' if self.depth is None else 'must be a positive length in mm'
            raise ValueError(f'depth_unit {what}; found {depth_unit}')
        self._check_known(not isinstance(box, str), hand_scale_mm, camera, root)
        images = [images] if single else images
        return [self._infer(image, box, side, hand_scale_mm, camera, root, depth_unit or 1.0) for image in images]

    def _check_known(
        self, box_given: bool, hand_scale_mm: float | None, camera: np.ndarray | None, root: Sequence[float] | None
    ) -> None:
        """Check that the given values are enough to crop the hand, and to place it in the image."""
        if self.depth is not None:
            check_depth_known(root, camera)
            return
        self.crop.check(box_given, root, camera)
        if self.crop.rule != 'cube' or hand_scale_mm is not None or (root is not None and box_given):
            return
        raise ValueError(
            f"HandCrop(rule='cube') needs the depth of {JOINTS[self.crop.root]}: give its pixel and depth "
            "(--root U,V,Z) with the hand's box or scale, or box and scale (--box X,Y,W,H --hand-scale MM)"
        )

    def _infer(
        self,
        source: str | PathLike | np.ndarray,
        box: str | Sequence[float],
        side: str | None,
        hand_scale_mm: float | None,
        camera: np.ndarray | None,
        root: Sequence[float] | None,
        depth_unit: float,
    ) -> dict:
        file = None if isinstance(source, np.ndarray) else fspath(source)
        root = None if root is None else tuple(root)
        if self.depth is not None:
            pixels = dict(depth=read_depth(source, depth_unit))
            square, place = self._place_depth(pixels, box, root, camera, file or 'the image')
        else:
            pixels = dict(img=_read_picture(source))
            place = self._place_picture(pixels['img'].shape[:2], box, root, camera, file or 'the image')
            square = self.crop.square(place, pixels['img'].shape[:2])
        square, view, pred = self._look(pixels, square, place, hand_scale_mm)
        hand = self._hand_of(square, view, pred, place, side, hand_scale_mm)
        center = pixels['hand_center'][0, 0] if 'hand_center' in pixels else None
        return dict(file=file, **hand, box=place.box, hand_center=center)

    def _place_picture(
        self,
        shape: tuple[int, int],
        box: str | Sequence[float],
        root: tuple[float, ...] | None,
        camera: np.ndarray | None,
        name: str,
    ) -> HandPlace:
        """Return the known position of the hand in a colour image."""
        if root is not None and isinstance(box, str) and box == 'full':
            return HandPlace(None, root=root, camera=camera)
        return HandPlace(find_box(box, shape, name, self.crop.margin), isinstance(box, str), root, camera)

    def _place_depth(
        self,
        pixels: dict,
        box: str | Sequence[float],
        root: tuple[float, ...] | None,
        camera: np.ndarray,
        name: str,
    ) -> tuple[tuple[np.ndarray, float], HandPlace]:
        """Find the hand in ``pixels['depth']``, add ``hand_center`` to ``pixels``, and choose the square to cut."""
        shape = pixels['depth'].shape
        found = find_box(box, shape, name, self.crop.margin)  # raises an error for an invalid box
        known = None if isinstance(box, str) else found
        try:
            center = self.depth.locate(pixels['depth'], camera, known, root)
        except ValueError as error:
            raise ValueError(f'{name}: {error}') from error
        pixels['hand_center'] = center[None, None]
        if known is not None and self.crop.rule != 'cube':
            place = HandPlace(known, root=root, camera=camera)
            return self.crop.square(place, shape), place
        square = self.crop.around_found(dict(pixels, camera=dict(K=camera)))
        return square, HandPlace(known or self.crop.box_of(square), root=root, camera=camera)

    def _hand_of(
        self,
        square: tuple[np.ndarray, float],
        view: HandView,
        pred: dict[str, np.ndarray],
        place: HandPlace,
        side: str | None,
        hand_scale_mm: float | None,
    ) -> dict:
        """Return the results for a hand from a prediction, see :meth:`_predict`."""
        pixels = view.to_image(pred['keypoints']) if 'keypoints' in pred else None
        if 'keypoints_xyz' in pred:
            if pixels is None:
                pixels = self._place(pred['keypoints_xyz'], square, place, hand_scale_mm)
            hand = hand_in_space(pred['keypoints_xyz'], pixels, side, hand_scale_mm)
            return dict(hand, keypoints_cam=scale_hand(pred.get('keypoints_cam'), pred['keypoints_xyz'], hand_scale_mm))
        if 'keypoints_cam' in pred:
            if hand_scale_mm is not None:
                raise ValueError(
                    'the hand scale is for networks that give joints in its units, this one gives mm: leave it out'
                )
            return hand_in_cube(pred['keypoints_cam'], place.camera, side)
        self._refuse_space(hand_scale_mm, place.camera)
        return hand_in_image(pixels, side)

    def _refuse_space(self, hand_scale_mm: float | None, camera: np.ndarray | None) -> None:
        """Refuse a scale or camera that a network for 2D joints can't use."""
        if hand_scale_mm is not None:
            what = 'the hand scale is for 3D networks'
            if self.crop.rule == 'cube':
                what += ' (give root and box, which say where the cube is)'
            raise ValueError(f'{what}; this network gives 2D joints only: leave it out')
        if camera is not None and self.depth is None and self.crop.rule != 'cube' and not self.crop.turns:
            raise ValueError('the camera is for 3D networks; this network gives 2D joints only: leave it out')

    def _look(
        self, pixels: dict, square: tuple[np.ndarray, float], place: HandPlace, hand_scale_mm: float | None
    ) -> tuple[tuple[np.ndarray, float], HandView, dict[str, np.ndarray]]:
        """Cut the hand out and predict its joints; a cube of unknown depth is moved onto the predicted hand.

        Returns:
            The square, the crop, and the joints of :meth:`_predict`, those in space along the image's camera axes.
        """
        view, pred = self._predict(pixels, square, place.camera)
        known = self.depth is not None or place.whole or place.root is not None
        if self.crop.rule != 'cube' or known or 'keypoints_xyz' not in pred:
            return square, view, pred
        for _ in range(_ROUNDS):
            hand = place_in_space(pred['keypoints_xyz'], place.middle, place.extent, place.camera)
            root = hand[self.crop.root]
            pixel = project(root[None], dict(K=place.camera))[0]
            old, square = square, self.crop.around(pixel, root[2] * hand_scale_mm, place.camera)
            view, pred = self._predict(pixels, square, place.camera)
            if max(abs(square[1] - old[1]), np.abs(square[0] - old[0]).max()) < 0.005 * square[1]:
                break
        return square, view, pred

    def _place(
        self, xyz: np.ndarray, square: tuple[np.ndarray, float], place: HandPlace, hand_scale_mm: float | None
    ) -> np.ndarray:
        """Find the pixels (21, 2) of normalised joints (21, 3): around a known root, else in the box."""
        root = None
        if hand_scale_mm is not None and (self.crop.rule == 'cube' or self.depth is not None):
            if place.root is not None:
                root = place.root
            elif place.whole:
                root = (*square[0], self.crop.depth_of(square[1], place.camera))
        if root is None:
            return place_in_box(xyz, place.middle, place.extent, place.camera)
        camera = dict(K=place.camera)
        at = unproject(np.array([root[:2]]), np.array([root[2]]), camera)
        return project(at + (xyz - xyz[self.crop.root]) * hand_scale_mm, camera)

    def _predict(
        self, pixels: dict, square: tuple[np.ndarray, float], camera: np.ndarray | None
    ) -> tuple[HandView, dict[str, np.ndarray]]:
        """Predict the joints of the hand in a square of the image.

        Returns:
            The crop; and for a 3D network ``keypoints_xyz`` (21, 3), normalised, along the axes of the image's camera;
            for a 2D network ``keypoints`` (21, 2) in px of the crop; for a 2.5D network both, and with a camera
            ``keypoints_cam`` (21, 3), mm, in the frame of the image's camera; for one that gives joints in a cube only
            the last, (J, 3).
        """
        view = self.crop.cut(pixels, *square, camera)
        sample = dict(view.sample, camera=view.camera or _far_camera(self.crop.size))
        if self.depth is not None:
            sample = self.depth.scale(sample)
        (result,) = self.model.test_step(pseudo_collate([self._pack.transform(sample)]))
        found = result.pred_instances
        joints = {key: found[key][0].astype(np.float64) for key in ('keypoints_xyz', 'keypoints') if key in found}
        if not joints:
            native = 'keypoints_cam_native' in found
            joints['keypoints_cam'] = found['keypoints_cam_native' if native else 'keypoints_cam'][0].astype(np.float64)
        if not all(np.isfinite(values).all() for values in joints.values()):
            raise ValueError('the network predicts non-finite joints: its training diverged, use other weights')
        if 'keypoints_xyz' in joints:
            if len(joints) == 2 and camera is not None and 'keypoints_cam' in found:
                joints['keypoints_cam'] = view.to_camera(found['keypoints_cam'][0].astype(np.float64))
            joints['keypoints_xyz'] = view.to_camera(joints['keypoints_xyz'])
        return view, joints


def _far_camera(size: int) -> dict[str, np.ndarray]:
    """A camera so far from the crop that perspective hardly matters, for images of an unknown camera."""
    focal, middle = 20.0 * size, (size - 1) / 2
    return dict(K=np.array([[focal, 0.0, middle], [0.0, focal, middle], [0.0, 0.0, 1.0]]))


def _read_picture(source: str | PathLike | np.ndarray) -> np.ndarray:
    """Return a colour picture, BGR, uint8, shape (H, W, 3)."""
    image = source if isinstance(source, np.ndarray) else read_image(source)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f'an image must be BGR, uint8, (H, W, 3); found {image.dtype} {image.shape}')
    return image
