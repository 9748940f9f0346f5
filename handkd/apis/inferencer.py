"""Hands from pictures and depth images: a trained network on one image at a time."""

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
from handkd.hand import JOINTS, NUM_JOINTS, SIDES, chirality
from handkd.models import load_weights
from handkd.models.heads import PartSegmentationHead
from handkd.registry import MODELS
from handkd.units import FARTHEST

from .devices import find_device
from .inference_crops import ConfigCrop, HandPlace, HandView, find_box
from .inference_depth import ConfigDepth, check_depth_known, read_depth
from .placement import place_in_box, place_in_space
from .runs import student_config

_ROUNDS = 4
"""How often a cube is moved to where the network sees the hand; it hardly moves after the second time."""


class HandInferencer:
    """A trained network with the pre-processing of its config's test pipeline, for images of any size.

    The network sees the square crop around the hand that it would be tested on (:class:`.inference_crops.ConfigCrop`),
    and behind a virtual camera that is turned onto the hand its joints are turned back to the image's own camera.

    A 3D network gives the joints' positions in space, relative to the hand and in units of its scale. Their pixels are
    *derived*: the joints are placed where their tight box fills the given one; or, if root and scale are given, where
    these put them. A 2D network gives the joints' pixels in the crop, which are those in the image by the crop's own
    map, and nothing else. A 2.5D network (configs/ekd) gives both; what is nearer is larger in the image, so its hand
    in space depends on the camera, and without one is that seen from far away.

    Crops of ``HandCrop(rule='cube')`` (configs/nvs) need the camera, and either the root's pixel and depth, or the
    hand's box and scale: the cube begins around a mean hand in the box and is moved, a few times, to where the
    predicted hand fills the box. Crops of ``HandCrop(rule='zb')`` (configs/pi) are those of the test pipeline if the
    base of the middle finger is given; else they are centred on the box and as large as such crops are on average.

    A network that reads depth is given depth images, and needs their camera. The cube that their depth is brought into
    is around the hand found in it (:func:`handkd.geometry.find_hand`), in the box if one is given, or around ``root``;
    without a box the crop is around the cube, too. What is not hand is what lies outside of the cube, as after
    ``tools/test.py --find-hands``: in training it may have been cut by the true joints.

    Args:
        config: Path of a config, or the config. Of a distilled model the student alone is built.
        checkpoint: Its weights; those of a distilled model fit.
        device: Where to run. Defaults to None: the GPU if there is one.

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
            raise ValueError(f"{cfg.filename}: the network takes {modality!r}, one image gives 'rgb' or 'depth'")
        head = getattr(self.model, 'head', self.model)
        if head is None or isinstance(head, PartSegmentationHead):
            made = 'views' if head is None else 'parts of the hand'
            raise ValueError(f'{cfg.filename}: the network predicts {made} and no joints: train one with a head on it')
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
            images: One image or several: paths, or BGR arrays of uint8 and shape (H, W, 3); of depth 16-bit PNGs of one
                channel, or arrays (H, W) of uint16 or float, where 0 is no reading.
            box: (x, y, width, height) of the hand in px, tight around its joints, for every image; or 'full' for images
                that are the network's crops already, unless ``root`` says where the crop is, and for depth images all
                of which are searched for the nearest hand. Defaults to 'full'.
            side: 'left' or 'right', if known. Defaults to None: estimated from the predicted pose.
            hand_scale_mm: Length of the codec's scale bone, if known; of configs/pmd wrist to middle finger's base.
                Defaults to None.
            camera: Intrinsics K of the image, shape (3, 3), if known: pixels are then placed in perspective, and
                without it in weak perspective; so is the hand of a 2.5D network in space. Crops by a cube, and virtual
                cameras, need it. Defaults to None.
            root: Where the joint is that crops are centred on: (u, v) in px for the rule 'zb', (u, v, z), px and mm,
                for 'cube' and for depth. Defaults to None: found from the box, or in the depth.
            depth_unit: Millimetres a count of depth images. Defaults to None: 1.

        Returns:
            One dict an image: ``file`` (path or None); ``keypoints`` (21, 2) in px of the image, of a 3D network
            derived (see the class); ``keypoints_3d`` (21, 3), relative to joint 0, along the camera's axes (x right,
            y down, z forward), in ``unit``, which is 'mm' if the scale was given and else 'hand_scale' (the scale bone
            is 1 long); ``side``; ``side_source``, 'given' or 'estimated'; ``side_confidence``, from 0 to 1, of the
            estimate (None if given); ``box``, the (x, y, width, height) used (None where the root alone was);
            ``hand_center`` (3,), mm, camera frame, around which depth was brought into a cube (None without depth); and
            ``keypoints_cam`` (21, 3), mm, camera frame, of a network that gives joints in that cube (configs/weakseg),
            of whose 14 joints of NYU all arrays hold as many (the side is then None), and of a 2.5D network
            (configs/ekd) with a camera: as large as ``hand_scale_mm`` says, else as the mean hand of its training (None
            of other networks). Of a 2D network ``keypoints_3d`` and ``unit`` are None, and so are ``side`` and
            ``side_source`` if no side was given: the side can't be told from 2D joints.

        Raises:
            OSError: If an image can't be read; names it.
            ValueError: If an argument makes no sense, such as a scale or a camera for a 2D network, a unit of depth for
                pictures, or a box outside an image; if one is missing that the crop needs; or if an image is of the
                other kind, or holds no depth.
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
            what = 'is for networks that read depth' if self.depth is None else 'must be a positive length in mm'
            raise ValueError(f'depth_unit {what}; found {depth_unit}')
        self._check_known(not isinstance(box, str), hand_scale_mm, camera, root)
        images = [images] if single else images
        return [self._infer(image, box, side, hand_scale_mm, camera, root, depth_unit or 1.0) for image in images]

    def _check_known(
        self, box_given: bool, hand_scale_mm: float | None, camera: np.ndarray | None, root: Sequence[float] | None
    ) -> None:
        """Check that what is known is enough to crop the hand, and to place it in the image."""
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
        """Say what is known of where the hand is in a picture."""
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
        """Find the hand in ``pixels['depth']``, set ``hand_center`` beside it, and choose the square to cut."""
        shape = pixels['depth'].shape
        found = find_box(box, shape, name, self.crop.margin)  # refuses what is no box
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
        """Say what is known of a hand from a prediction, see :meth:`_predict`."""
        pixels = view.to_image(pred['keypoints']) if 'keypoints' in pred else None
        if 'keypoints_xyz' in pred:
            if pixels is None:
                pixels = self._place(pred['keypoints_xyz'], square, place, hand_scale_mm)
            hand = _hand_in_space(pred['keypoints_xyz'], pixels, side, hand_scale_mm)
            return dict(hand, keypoints_cam=_scaled(pred.get('keypoints_cam'), pred['keypoints_xyz'], hand_scale_mm))
        if 'keypoints_cam' in pred:
            if hand_scale_mm is not None:
                raise ValueError('the hand scale is for networks that give joints in its units; this one gives mm')
            return _hand_in_cube(pred['keypoints_cam'], place.camera, side)
        self._refuse_space(hand_scale_mm, place.camera)
        return _hand_in_image(pixels, side)

    def _refuse_space(self, hand_scale_mm: float | None, camera: np.ndarray | None) -> None:
        """Refuse what a network for 2D joints has no use for."""
        if hand_scale_mm is not None:
            what = 'the hand scale is for 3D networks'
            if self.crop.rule == 'cube':
                what += ' (give root and box, which say where the cube is)'
            raise ValueError(f'{what}; this network gives 2D joints only')
        if camera is not None and self.depth is None and self.crop.rule != 'cube' and not self.crop.turns:
            raise ValueError('the camera is for 3D networks; this network gives 2D joints only')

    def _look(
        self, pixels: dict, square: tuple[np.ndarray, float], place: HandPlace, hand_scale_mm: float | None
    ) -> tuple[tuple[np.ndarray, float], HandView, dict[str, np.ndarray]]:
        """Cut the hand out and predict its joints; a cube of unknown depth is moved onto the predicted hand.

        Returns:
            The square, the crop, and what :meth:`_predict` gives, in space along the axes of the image's camera.
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
            The crop; and of a 3D network ``keypoints_xyz`` (21, 3), normalised, along the axes of the image's camera;
            of a 2D network ``keypoints`` (21, 2) in px of the crop; of a 2.5D network both, and with a camera
            ``keypoints_cam`` (21, 3), mm, in the frame of the image's camera; of one that gives joints in a cube that
            alone, (J, 3).
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
            raise ValueError('the network predicts what is not finite: its training diverged, take other weights')
        if 'keypoints_xyz' in joints:
            if len(joints) == 2 and camera is not None and 'keypoints_cam' in found:
                joints['keypoints_cam'] = view.to_camera(found['keypoints_cam'][0].astype(np.float64))
            joints['keypoints_xyz'] = view.to_camera(joints['keypoints_xyz'])
        return view, joints


def _far_camera(size: int) -> dict[str, np.ndarray]:
    """A camera so far from the crop that what is nearer is hardly larger, for images of an unknown one."""
    focal, middle = 20.0 * size, (size - 1) / 2
    return dict(K=np.array([[focal, 0.0, middle], [0.0, focal, middle], [0.0, 0.0, 1.0]]))


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
        keypoints_cam=None,
    )


def _scaled(joints: np.ndarray | None, xyz: np.ndarray, hand_scale_mm: float | None) -> np.ndarray | None:
    """Return joints (21, 3) in the camera's frame as large as the scale bone says, at the place that fits the image.

    Args:
        joints: The same, of the mean size of the training; None gives None.
        xyz: The same pose, normalised.
        hand_scale_mm: Length of the scale bone; None keeps the size.
    """
    if joints is None or hand_scale_mm is None:
        return joints
    size, unit = (np.linalg.norm(pose - pose[0], axis=1).sum() for pose in (joints, xyz))
    return joints * (hand_scale_mm * unit / size)


def _hand_in_cube(joints: np.ndarray, camera: np.ndarray, side: str | None) -> dict:
    """What is known of a hand from its joints in the camera's frame, (J, 3), mm: the keys of :func:`_hand_in_space`."""
    relative, pixels = joints - joints[0], project(joints, dict(K=camera))
    if len(joints) == NUM_JOINTS:
        hand = _hand_in_space(relative, pixels, side, 1.0)
    else:
        hand = dict(_hand_in_image(pixels, side), keypoints_3d=relative, unit='mm')
    return dict(hand, keypoints_cam=joints)


def _hand_in_image(keypoints: np.ndarray, side: str | None) -> dict:
    """What is known of a hand from its pixels (21, 2): the keys of :func:`_hand_in_space`."""
    return dict(
        keypoints=keypoints,
        keypoints_3d=None,
        unit=None,
        side=side,
        side_source='given' if side else None,
        side_confidence=None,
        keypoints_cam=None,
    )


def _read_picture(source: str | PathLike | np.ndarray) -> np.ndarray:
    """Return a colour picture, BGR, uint8, shape (H, W, 3)."""
    image = source if isinstance(source, np.ndarray) else read_image(source)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f'an image must be BGR, uint8, (H, W, 3); found {image.dtype} {image.shape}')
    return image
