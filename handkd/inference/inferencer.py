"""Inference: a trained or exported network on images, videos and streams, with one record per image.

Each step is a module of its own: the stream of images (:mod:`.sources`), the boxes of their hands (:mod:`.boxes`), the
square around each (:mod:`.places`) and its cutting as in testing (:mod:`.crops`, :mod:`.depth`), the network
(:mod:`.onnx_network`, or :mod:`handkd.apis.inference_network` with torch), the joints in the image (:mod:`.estimation`,
:mod:`.results`), and the files of the results (:mod:`.records`, :mod:`.outputs`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from os import PathLike
from typing import TYPE_CHECKING

import numpy as np

from .boxes import DetectedBoxes, FixedBoxes, ListedBoxes, is_box
from .detectors import Detector, build_detector
from .estimation import HandEstimator
from .images import InferenceImage, check_depth_unit, open_image
from .networks import CropNetwork, NotForThisNetwork
from .opening import open_network
from .outputs import ResultFiles, draw_record
from .places import KnownHand
from .records import make_record
from .smoothed_frames import FrameSmoother
from .sources import Frame, Source, open_source

if TYPE_CHECKING:
    import torch
    from mmengine.config import Config


class HandInferencer:
    """A network with the pre-processing that it was trained with, for images of any size.

    The network gets the same square crop around a hand as in testing (:class:`.crops.CropSpec`). With a virtual camera
    turned onto the hand, its joints are rotated back to the image's own camera.

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
    around the cube, too. Everything outside the cube is background, as with ``handkd test --find-hands``: in training
    the true joints may have decided that.

    A network that was trained on hands of one side serves the other by mirroring: a hand whose side is given or
    detected as the other one is cut, mirrored, and its joints are mirrored back.

    Args:
        model: An ONNX file of ``handkd export``, which runs without torch; a work dir; or a config, its path or its
            name, with a checkpoint; or an open network, such as ``OnnxNetwork('student.onnx', threads=1)``. Of a
            distilled model only the student is built. Defaults to None: the shipped student, or the newest one of the
            demo.
        checkpoint: Weights of the config; those of a distilled model fit. Defaults to None.
        device: Device of torch. Defaults to None: the GPU if there is one, else the CPU.
        detector: Finds the hands in each image where no boxes are given (:func:`.detectors.build_detector`): 'full',
            the image is a crop; 'mediapipe'; the path of an ONNX file; or a callable, ``image (H, W, 3), BGR, uint8 ->
            boxes (N, 4) as (x, y, width, height) px, scores (N,), sides or None``. Defaults to 'full'.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If the device can't be used, the network takes neither RGB images nor depth or predicts no joints,
            the checkpoint does not fit it, the config's test pipeline cuts no square around the hand, or an ONNX file
            is damaged, or not of handkd.

    Attributes:
        network: The network, with its ``facts`` (:class:`.networks.NetworkFacts`).

    Example:
        >>> infer = HandInferencer('configs/pmd/resnet18half_studio.py', 'work_dirs/pmd/iter_3000.pth')
        >>> for record in infer('photos/*.jpg', boxes=(120, 80, 200, 220), hand_scale_mm=95):
        ...     print(record['file'], [hand['side'] for hand in record['hands']])
        >>> hand = infer.one('hand.jpg', box=(120, 80, 200, 220), hand_scale_mm=95)
        >>> hand['keypoints_3d'].shape, hand['unit']
        ((21, 3), 'mm')
    """

    def __init__(
        self,
        model: str | PathLike | Config | CropNetwork | None = None,
        checkpoint: str | PathLike | None = None,
        device: str | torch.device | None = None,
        detector: str | PathLike | Detector = 'full',
    ) -> None:
        self.network = open_network(model, checkpoint, device)
        self._estimate = HandEstimator(self.network)
        self._detector = build_detector(detector)

    def read(
        self, source: str | PathLike | np.ndarray | InferenceImage, depth_unit: float | None = None
    ) -> InferenceImage:
        """Decode an image once for inference and other uses, such as drawing.

        Args:
            source: A path, or an array; see :meth:`one`. An image that is decoded already is returned as it is.
            depth_unit: Millimetres per count of a depth image. Defaults to None: 1.

        Raises:
            OSError: If the image can't be read; names it.
            ValueError: If it is of the other kind, or has no depth, or the depth unit is invalid.
        """
        modality = self.network.facts.modality
        if isinstance(source, InferenceImage):
            if source.modality != modality:
                raise ValueError(f'{source.name}: the network takes {modality!r} images, found {source.modality!r}')
            return source
        check_depth_unit(depth_unit, modality)
        return open_image(source, modality, depth_unit or 1.0)

    def one(
        self,
        image: str | PathLike | np.ndarray | InferenceImage,
        box: str | Sequence[float] = 'full',
        side: str | None = None,
        hand_scale_mm: float | None = None,
        camera: np.ndarray | None = None,
        root: Sequence[float] | None = None,
        depth_unit: float | None = None,
    ) -> dict:
        """Return the one hand of an image.

        Args:
            image: A path, or a BGR array, uint8, shape (H, W, 3); for depth a 16-bit PNG of one channel, or an array
                (H, W) of uint16 or float, in which 0 means no reading; or a result of :meth:`read`.
            box: (x, y, width, height) of the hand in px, tight around its joints; or 'full': the image is the network's
                crop already, unless ``root`` gives the centre of the crop; depth images are searched as a whole for the
                nearest hand. Defaults to 'full'.
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
            The keys of a hand (docs/inference.md), and ``file``, the path or None.

        Raises:
            OSError: If the image can't be read; names it.
            ValueError: If an argument is invalid, such as a scale or a camera for a 2D network, a depth unit for colour
                images, or a box outside the image; if one that the crop needs is missing; or if the image is of the
                other kind, or has no depth.
        """
        known = KnownHand(box, side, hand_scale_mm, camera, root)
        self._estimate.check(known)
        read = self.read(image, depth_unit)
        (hand,) = self._estimate([(read, known)])
        if isinstance(hand, ValueError):
            raise hand
        return dict(file=read.file, **hand)

    def __call__(
        self,
        inputs: object,
        boxes: str | Sequence | Detector | None = None,
        side: str | None = None,
        hand_scale_mm: float | None = None,
        camera: np.ndarray | None = None,
        root: Sequence[float] | None = None,
        depth_unit: float | None = None,
        batch_size: int = 1,
        smooth: bool = False,
        vis_out_dir: str | PathLike | None = None,
        pred_out_dir: str | PathLike | None = None,
        show: bool = False,
        return_vis: bool = False,
    ) -> Iterator[dict]:
        """Find the hands in images, videos or a stream; yields one record per image or frame, lazily and in order.

        Args:
            inputs: A path, URL, array, folder, glob, video, 'webcam:0', a list of these, or an iterator of frames; see
                :func:`.sources.open_source`.
            boxes: (x, y, width, height) in px of the hand in every image; a list with an entry per image, each one box,
                several or none; a detector; or 'full', images are crops. Defaults to None: the detector's.
            side: Side of all hands; see :meth:`one`. Defaults to None: that of the detector, or else estimated.
            hand_scale_mm: See :meth:`one`. Defaults to None.
            camera: Intrinsics K of all images; see :meth:`one`. Defaults to None.
            root: Position of the joint in all images; see :meth:`one`. Defaults to None.
            depth_unit: See :meth:`one`. Defaults to None: 1.
            batch_size: Number of images whose hands go through the network together; frames of a video in which hands
                are followed go alone. Defaults to 1.
            smooth: Whether joints are smoothed over the frames of a video (:mod:`.smoothing`). Defaults to False.
            vis_out_dir: Folder for pictures of the results, or a video per video. Defaults to None.
            pred_out_dir: Folder for a JSON file per image, or a file of JSON lines per video. Defaults to None.
            show: Whether to show each picture in a window. Defaults to False.
            return_vis: Whether a record has its picture, ``visualization``, BGR, uint8. Defaults to False.

        Returns:
            An iterator of records (docs/inference.md): ``hands``, and ``error`` for an image that can't be used, after
            which the others follow. Files are complete when it ends or is closed.

        Raises:
            ValueError: If an argument is invalid, or one that the crop needs is missing; with the first hand if this
                network can't use it, such as a scale for 2D joints.
            OSError: While iterating, if a result can't be written.
        """
        if not isinstance(batch_size, int) or batch_size < 1:
            raise ValueError(f'batch_size must be a positive whole number of images, found {batch_size!r}')
        check_depth_unit(depth_unit, self.network.facts.modality)
        find = self._finder_of(boxes, KnownHand('full', side, hand_scale_mm, camera, root))
        source = open_source(inputs, lambda item: self.read(item, depth_unit).pixels)
        files = ResultFiles(vis_out_dir, pred_out_dir, show)
        return self._run(source, find, batch_size, files, return_vis, FrameSmoother() if smooth else None)

    def _finder_of(self, boxes: str | Sequence | Detector | None, known: KnownHand) -> Callable:
        """Return what gives the hands of each image, after checking that the network can use what is known of them."""
        if boxes is None:
            boxes = self._detector
        elif isinstance(boxes, str) or callable(boxes):
            boxes = build_detector(boxes)
        if boxes is None:
            known = replace(known, box='full')
        elif not callable(boxes) and is_box(boxes):
            known = replace(known, box=tuple(boxes))
        else:
            self._estimate.check(replace(known, box=(0.0, 0.0, 1.0, 1.0)))
            if callable(boxes):
                return DetectedBoxes(boxes, known, self.network.facts)
            return ListedBoxes(boxes, known)
        self._estimate.check(known)
        return FixedBoxes(known)

    def _run(
        self,
        source: Source,
        find: Callable,
        batch_size: int,
        files: ResultFiles,
        return_vis: bool,
        smooth: FrameSmoother | None,
    ) -> Iterator[dict]:
        """Yield the records of a stream."""
        try:
            for batch in _batches(source, batch_size, find.follows):
                for frame, image, record in self._records(batch, find):
                    if smooth is not None:
                        smooth(frame, record)
                    picture = None
                    if image is not None and (files.draws or return_vis):
                        picture = draw_record(image, record['hands'])
                    files.write(frame, record, picture)
                    yield dict(record, visualization=picture) if return_vis else record
        finally:
            files.close()

    def _records(self, frames: Sequence[Frame], find: Callable) -> Iterator[tuple[Frame, InferenceImage | None, dict]]:
        """Yield frames, decoded, with their records; all their hands go through the network together."""
        images, wanted, errors = [], [], []
        for frame in frames:
            image, known, error = self._hands_in(frame, find)
            images.append(image), wanted.append(known), errors.append(error)
        found = iter(self._estimate([(image, known) for image, hands in zip(images, wanted) for known in hands]))
        for frame, image, hands, error in zip(frames, images, wanted, errors):
            results = find.settle(frame, [next(found) for _ in hands])
            failed = next((one for one in results if isinstance(one, ValueError)), None)
            if isinstance(failed, NotForThisNetwork):  # all other images would say the same
                raise failed
            if failed is not None:
                error = str(failed) if frame.name in str(failed) else f'{frame.name}: {failed}'
            good = [one for one in results if not isinstance(one, ValueError)]
            yield frame, image, make_record(frame, image and image.shape, good, error)

    def _hands_in(self, frame: Frame, find: Callable) -> tuple[InferenceImage | None, list[KnownHand], str | None]:
        """Return the image of a frame, what is known of its hands, and why there is none of either."""
        if frame.pixels is None:
            find.skip()
            return None, [], frame.error
        image = InferenceImage(self.network.facts.modality, frame.pixels, frame.file, frame.name)
        try:
            return image, find(image, frame), None
        except ValueError as error:
            return image, [], str(error)


def _batches(source: Source, size: int, follows: bool) -> Iterator[list[Frame]]:
    """Yield the frames of a source in lists of a size, or shorter; frames of videos alone if hands are followed."""
    batch: list[Frame] = []
    for frame in source:
        alone = follows and frame.number is not None
        if alone and batch:
            yield batch
            batch = []
        batch.append(frame)
        if len(batch) == size or alone:
            yield batch
            batch = []
    if batch:
        yield batch
