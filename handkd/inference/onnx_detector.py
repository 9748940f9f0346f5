"""Detectors of hands in ONNX files of MMDetection, MMDeploy, YOLOX and Ultralytics."""

from __future__ import annotations

import ast
import os
from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from handkd.hints import ConfigError

from .onnx_metadata import PROPERTY, open_session
from .overlaps import suppress

PAD = 114
"""Grey value of the border around the image: that of MMDetection's RTMDet and of YOLO."""
DEFAULT_SIZE = 640
"""Side of the input, px, of a file whose input has no fixed size."""
_RTMDET = ((103.53, 116.28, 123.675), (57.375, 57.12, 58.395))  # mean and deviation of B, G, R


@dataclass(frozen=True)
class Letterbox:
    """Resizing of an image into a box of the network without distortion, and back.

    Attributes:
        scale: Pixels of the box per pixel of the image, along x and y; they differ by the rounding to whole pixels.
        offset: Left and upper border, px of the box.
        size: (width, height) of the resized image in the box, px.
        box: (width, height) of the box, px.
    """

    scale: tuple[float, float]
    offset: tuple[int, int]
    size: tuple[int, int]
    box: tuple[int, int]

    @classmethod
    def fit(cls, image: tuple[int, int], box: tuple[int, int], centred: bool) -> Letterbox:
        """Return the resizing of an image into a box.

        Args:
            image: Its (width, height), px.
            box: (width, height), px.
            centred: Whether the border is on all sides; else it is on the right and at the bottom.
        """
        ratio = min(box[0] / image[0], box[1] / image[1])
        size = tuple(max(1, min(box[i], round(image[i] * ratio))) for i in range(2))
        offset = tuple((box[i] - size[i]) // 2 if centred else 0 for i in range(2))
        return cls((size[0] / image[0], size[1] / image[1]), offset, size, box)

    def apply(self, image: np.ndarray) -> np.ndarray:
        """Resize an image, shape (H, W, 3), uint8; returns shape (height, width, 3) of the box."""
        canvas = np.full((self.box[1], self.box[0], 3), PAD, np.uint8)
        (x, y), (width, height) = self.offset, self.size
        canvas[y : y + height, x : x + width] = cv2.resize(image, self.size, interpolation=cv2.INTER_LINEAR)
        return canvas

    def invert(self, boxes: np.ndarray) -> np.ndarray:
        """Map boxes (N, 4), (x1, y1, x2, y2), px of the box, to px of the image."""
        return (boxes - [*self.offset, *self.offset]) / [*self.scale, *self.scale]


@dataclass(frozen=True)
class InputRule:
    """Preparation of an image for a detector.

    Attributes:
        mean: Subtracted from each channel, 0 to 255.
        std: Divides each channel.
        rgb: Whether the channels are in the order R, G, B, not B, G, R.
        centred: Whether the image is in the middle of its border, not in its upper left corner.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    rgb: bool = False
    centred: bool = False


class OnnxDetector:
    """A detector of hands in an ONNX file with an image input (B, 3, H, W).

    The layout follows from the names and shapes of the outputs:

    - ``dets`` (B, N, 5) and ``labels`` (B, N), or one output (B, N, 5): end to end, as of MMDeploy and MMDetection:
      (x1, y1, x2, y2, score) after suppression.
    - One output (B, N, 5 + C) for C classes: YOLOX and YOLOv5, decoded: (centre x, centre y, width, height,
      objectness, scores of the classes). The score of a box is its objectness times that of its best class.
    - One output (B, 4 + C, N) and Ultralytics' meta data: YOLOv8 and later: (centre x, centre y, width, height,
      scores of the classes).

    Boxes are in px of the network's input. The image is resized without distortion, with a border of grey
    :data:`PAD`, into the upper left corner (into the middle for Ultralytics). Pixels are normalised with RTMDet's mean
    and deviation in the order B, G, R in the first layout; they stay 0 to 255 in B, G, R in the second, as in YOLOX;
    and are R, G, B from 0 to 1 in the third. The file's meta data may say otherwise: ``mean`` and ``std`` (lists of
    three numbers, in the order of the channels), ``color`` ('BGR' or 'RGB'), ``letterbox`` ('corner' or 'centre'), and
    ``names``, the classes ({0: 'left_hand', ...} or a list): a name with 'left' or 'right' gives the side, and if some
    name has 'hand', 'palm', 'left' or 'right', the other classes are dropped.

    Args:
        file: The ONNX file.
        score_threshold: Least score of a hand. Defaults to 0.3.
        iou_threshold: Boxes that overlap a better one by more than this are dropped, in the layouts without
            suppression. Defaults to 0.5.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If it is truncated, no ONNX file, or no detector of these layouts; names it.
        ImportError: If onnxruntime is missing; says how to install it.
    """

    def __init__(self, file: str | os.PathLike, score_threshold: float = 0.3, iou_threshold: float = 0.5) -> None:
        self._file = os.fspath(file)
        self._session = open_session(file)
        meta = self._session.get_modelmeta().custom_metadata_map
        if PROPERTY in meta:
            raise ConfigError(f'{self._file!r} is a student exported by handkd, not a detector: give it as the network')
        self._score_threshold, self._iou_threshold = score_threshold, iou_threshold
        self._input, self._box = self._input_of(self._session.get_inputs())
        self._outputs, self._layout = self._layout_of(self._session.get_outputs(), 'ultralytics' in str(meta).lower())
        self._rule = _rule_of(meta, self._layout, self._file)
        self._names = _names_of(meta, self._file)

    def __call__(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[str | None]]:
        """Find hands.

        Args:
            image: BGR, uint8, shape (H, W, 3).

        Returns:
            Boxes (N, 4) as (x, y, width, height), px of the image, clipped to it; scores (N,), descending; sides.

        Raises:
            ValueError: If the network fails or its outputs are not those of the layout; names the file.
        """
        height, width = image.shape[:2]
        letterbox = Letterbox.fit((width, height), self._box, self._rule.centred)
        boxes, scores, classes = self._decode(self._run(letterbox.apply(image)))
        keep = (scores >= self._score_threshold) & self._is_hand(classes) & np.isfinite(boxes).all(1)
        boxes, scores, classes = boxes[keep], scores[keep], classes[keep]
        order = np.argsort(-scores, kind='stable')
        if self._layout != 'end to end':
            order = order[suppress(boxes[order], self._iou_threshold)]
        boxes = np.clip(letterbox.invert(boxes[order]), 0, [width, height, width, height])
        inside = (boxes[:, 2:] - boxes[:, :2] > 1).all(1)
        boxes, order = boxes[inside], order[inside]
        sides = [_side_of(self._names.get(int(label), '')) for label in classes[order]]
        return np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], 1), scores[order], sides

    def _run(self, picture: np.ndarray) -> list[np.ndarray]:
        """Normalise the resized image and run the network; returns its outputs without the batch axis."""
        values = picture[..., ::-1] if self._rule.rgb else picture
        values = (values - np.array(self._rule.mean, np.float32)) / np.array(self._rule.std, np.float32)
        tensor = np.ascontiguousarray(values.transpose(2, 0, 1)[None], np.float32)
        try:
            outputs = self._session.run(self._outputs, {self._input: tensor})
        except Exception as error:  # its classes are private
            raise ValueError(f'{self._file!r} fails on an image: {" ".join(str(error).split())[:200]}') from None
        return [np.asarray(output[0], np.float64) for output in outputs]

    def _decode(self, outputs: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return boxes (N, 4) as (x1, y1, x2, y2), px of the input; scores (N,); classes (N,)."""
        table = outputs[0].T if self._layout == 'ultralytics' else outputs[0]
        if table.ndim != 2 or table.shape[1] < 5 or self._layout == 'end to end' and table.shape[1] != 5:
            raise ValueError(
                f'{self._file!r}: the output {self._outputs[0]!r} has shape {table.shape}, expected (N, 5 or more)'
            )
        if self._layout == 'end to end':
            labels = outputs[1] if len(outputs) > 1 else np.zeros(len(table))
            return table[:, :4], table[:, 4], labels.reshape(-1)
        centre, half = table[:, :2], table[:, 2:4] / 2
        boxes = np.concatenate([centre - half, centre + half], 1)
        by_class = table[:, 4:] if self._layout == 'ultralytics' else table[:, 4:5] * table[:, 5:]
        return boxes, by_class.max(1), by_class.argmax(1)

    def _is_hand(self, classes: np.ndarray) -> np.ndarray:
        """Which classes are hands, shape (N,), bool: all, unless names say otherwise."""
        wanted = [number for number, name in self._names.items() if _is_hand_name(name)]
        return np.isin(classes, wanted) if wanted else np.ones(len(classes), bool)

    def _input_of(self, inputs: list) -> tuple[str, tuple[int, int]]:
        """Return the input's name and its (width, height), px."""
        shape = inputs[0].shape if len(inputs) == 1 else []
        if len(shape) != 4 or shape[1] != 3 or inputs[0].type != 'tensor(float)':
            found = ', '.join(f'{item.name} {item.shape} {item.type}' for item in inputs)
            raise ConfigError(f'{self._file!r} is no detector: expected one float32 input (B, 3, H, W), found {found}')
        height, width = (side if isinstance(side, int) and side > 0 else DEFAULT_SIZE for side in shape[2:])
        return inputs[0].name, (width, height)

    def _layout_of(self, outputs: list, ultralytics: bool) -> tuple[list[str], str]:
        """Return the names of the outputs to run, and the layout."""
        names = [output.name for output in outputs]
        if 'dets' in names:
            return (['dets', 'labels'] if 'labels' in names else ['dets']), 'end to end'
        shape = outputs[0].shape
        if len(outputs) == 1 and len(shape) == 3:
            if ultralytics:
                return names, 'ultralytics'
            if shape[2] == 5:
                return names, 'end to end'
            if isinstance(shape[2], int) and shape[2] > 5:
                return names, 'yolo'
        found = ', '.join(f'{output.name} {output.shape}' for output in outputs)
        raise ConfigError(
            f"{self._file!r} is no known detector: expected the outputs 'dets' (B, N, 5) and 'labels' (B, N), or "
            f'one (B, N, 5) or (B, N, 5 + classes), found {found}; export it with MMDeploy, or YOLOX with its decoding'
        )


def _rule_of(meta: Mapping[str, str], layout: str, file: str) -> InputRule:
    """Return the preparation of images: that of the layout, changed by the meta data."""
    usual = {
        'end to end': InputRule(*_RTMDET),
        'yolo': InputRule((0.0,) * 3, (1.0,) * 3),
        'ultralytics': InputRule((0.0,) * 3, (255.0,) * 3, rgb=True, centred=True),
    }[layout]
    mean, std = (_numbers(meta, key, file) or getattr(usual, key) for key in ('mean', 'std'))
    if min(std) <= 0:
        raise ConfigError(f'{file!r}: std in its meta data must be positive, found {std}')
    rgb = _choice(meta, 'color', ('bgr', 'rgb'), file)
    centred = _choice(meta, 'letterbox', ('corner', 'centre'), file)
    return InputRule(
        mean, std, usual.rgb if rgb is None else rgb == 'rgb', usual.centred if centred is None else centred == 'centre'
    )


def _numbers(meta: Mapping[str, str], key: str, file: str) -> tuple[float, ...] | None:
    if key not in meta:
        return None
    try:
        values = tuple(float(value) for value in ast.literal_eval(meta[key]))
    except (ValueError, TypeError, SyntaxError):
        values = ()
    if len(values) != 3 or not np.isfinite(values).all():
        raise ConfigError(f'{file!r}: {key} in its meta data must be a list of 3 numbers, found {meta[key]!r}')
    return values


def _choice(meta: Mapping[str, str], key: str, choices: tuple[str, str], file: str) -> str | None:
    value = meta.get(key)
    if value is not None and value.lower() not in choices:
        raise ConfigError(f'{file!r}: {key} in its meta data must be one of {choices}, found {value!r}')
    return value and value.lower()


def _names_of(meta: Mapping[str, str], file: str) -> dict[int, str]:
    """Return class -> name in lower case."""
    if 'names' not in meta:
        return {}
    try:
        names = ast.literal_eval(meta['names'])
        items = names.items() if isinstance(names, dict) else enumerate(names)
        return {int(number): str(name).lower() for number, name in items}
    except (ValueError, TypeError, SyntaxError):
        raise ConfigError(
            f'{file!r}: names in its meta data must be a list or an object, found {meta["names"]!r}'
        ) from None


def _is_hand_name(name: str) -> bool:
    return any(word in name for word in ('hand', 'palm', 'left', 'right'))


def _side_of(name: str) -> str | None:
    return next((side for side in ('left', 'right') if side in name), None)
