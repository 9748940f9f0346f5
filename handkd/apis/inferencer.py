"""Inference on colour and depth images: a trained network on one image at a time.

Each step is a module of its own: decoding an image (:mod:`.inference_images`), choosing the square around the hand
(:mod:`.inference_places`), cutting it as in testing (:mod:`.inference_crops`, :mod:`.inference_depth`), predicting
joints in crops (:mod:`.inference_network`), and mapping them back to the image (:mod:`.inference_results`).
"""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike

import numpy as np
import torch
from mmengine.config import Config

from handkd.config import load_config
from handkd.geometry import project

from .inference_crops import HandPlace, HandView
from .inference_images import InferenceImage, open_image
from .inference_network import HandNetwork
from .inference_places import HandFinder, KnownHand
from .inference_results import result_of
from .placement import place_in_space

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
        cfg = config if isinstance(config, Config) else load_config(config, only='model')
        self.network = HandNetwork(cfg, checkpoint, device)
        self._find = HandFinder(self.network.crop, self.network.depth)

    def read(
        self, source: str | PathLike | np.ndarray | InferenceImage, depth_unit: float | None = None
    ) -> InferenceImage:
        """Decode an image once for inference and other uses, such as drawing.

        Args:
            source: A path, or an array; see :meth:`__call__`. An image that is decoded already is returned as it is.
            depth_unit: Millimetres per count of a depth image. Defaults to None: 1.

        Raises:
            OSError: If the image can't be read; names it.
            ValueError: If it is of the other kind, or has no depth, or the depth unit is invalid.
        """
        modality = self.network.modality
        if isinstance(source, InferenceImage):
            if source.modality != modality:
                raise ValueError(f'{source.name}: the network takes {modality!r} images, found {source.modality!r}')
            return source
        if depth_unit is not None and (modality != 'depth' or not 0 < depth_unit < np.inf):
            what = 'is for depth networks only' if modality != 'depth' else 'must be a positive length in mm'
            raise ValueError(f'depth_unit {what}; found {depth_unit}')
        return open_image(source, modality, depth_unit or 1.0)

    def __call__(
        self,
        images: str | PathLike | np.ndarray | InferenceImage | Sequence[str | PathLike | np.ndarray | InferenceImage],
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
                channel, or arrays (H, W) of uint16 or float, in which 0 means no reading; or results of :meth:`read`.
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
        known = KnownHand(box, side, hand_scale_mm, camera, root)
        self._find.check(known)
        single = isinstance(images, (str, PathLike, np.ndarray, InferenceImage))
        return [self._infer(self.read(image, depth_unit), known) for image in ([images] if single else images)]

    def _infer(self, image: InferenceImage, known: KnownHand) -> dict:
        """Find the joints of the hand in an image."""
        pixels, square, place = self._find(image, known)
        view, joints = self._look(pixels, square, place, known.hand_scale_mm)
        hand = result_of(joints, view, place, known, self.network.crop)
        center = pixels['hand_center'][0, 0] if 'hand_center' in pixels else None
        return dict(file=image.file, **hand, box=place.box, hand_center=center)

    def _look(
        self, pixels: dict, square: tuple[np.ndarray, float], place: HandPlace, hand_scale_mm: float | None
    ) -> tuple[HandView, dict[str, np.ndarray]]:
        """Cut the hand out and predict its joints; a cube of unknown depth is moved onto the predicted hand.

        Returns:
            The crop, and the joints of :meth:`.inference_network.HandNetwork.__call__`.
        """
        crop = self.network.crop
        view, joints = self._predict(pixels, square, place)
        known = 'depth' in pixels or place.whole or place.root is not None
        if crop.rule != 'cube' or known or 'keypoints_xyz' not in joints:
            return view, joints
        for _ in range(_ROUNDS):
            hand = place_in_space(joints['keypoints_xyz'], place.middle, place.extent, place.camera)
            root = hand[crop.root]
            pixel = project(root[None], dict(K=place.camera))[0]
            old, square = square, crop.around(pixel, root[2] * hand_scale_mm, place.camera)
            view, joints = self._predict(pixels, square, place)
            if max(abs(square[1] - old[1]), np.abs(square[0] - old[0]).max()) < 0.005 * square[1]:
                break
        return view, joints

    def _predict(
        self, pixels: dict, square: tuple[np.ndarray, float], place: HandPlace
    ) -> tuple[HandView, dict[str, np.ndarray]]:
        """Cut a square out of the image, and predict the joints in it."""
        view = self.network.crop.cut(pixels, *square, place.camera)
        (joints,) = self.network([view])
        return view, joints
