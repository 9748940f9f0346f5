"""Networks, pictures and steps that the benchmark of inference measures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch

from handkd.apis.inference_network import HandNetwork
from handkd.apis.trained import student_config
from handkd.baseline import derived_config
from handkd.config import load_config
from handkd.export import ExportGraph, ExportSettings
from handkd.export.describing import describe
from handkd.export.ports import Port
from handkd.export.quantising import half_weights, quantise
from handkd.export.samples import graph_inputs
from handkd.export.writing import operators, trace, with_metadata
from handkd.image_files import read_picture
from handkd.importing import optional_package
from handkd.inference import HandInferencer, OnnxNetwork, to_json
from handkd.inference.crops import CropSpec, HandPlace, HandView
from handkd.inference.onnx_metadata import OnnxMetadata, open_onnx
from handkd.registry import MODELS
from handkd.studio import StudioDataset

CONFIG = 'pmd/resnet18half_studio'
"""Student that is measured if none is given."""
WIDTH, HEIGHT = 640, 480
_CALIBRATION = 16
_GREY = 110
_AROUND_HAND = 320  # px, side of the studio's picture in the picture

Step = Callable[[], object]


@dataclass(frozen=True)
class Scene:
    """A picture of a hand of the studio.

    Attributes:
        pixels: BGR, uint8, shape (480, 640, 3).
        box: (x, y, width, height) of the hand, px, tight around its joints.
        jpeg: The picture as a JPEG file.
        rgb: The picture as a NumPy file, RGB.
    """

    pixels: np.ndarray
    box: tuple[float, float, float, float]
    jpeg: Path
    rgb: Path


@dataclass(frozen=True)
class Subject:
    """The network that is measured.

    Attributes:
        files: Precision -> ONNX file; with 'fp32'.
        metadata: Description of the first.
        network: The network in torch; None if only its file is known.
    """

    files: dict[str, Path]
    metadata: OnnxMetadata
    network: HandNetwork | None = None
    crop: CropSpec = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, 'crop', OnnxNetwork(self.files['fp32'], 1).facts.crop)

    def inputs(self, views: Sequence[HandView]) -> dict[str, np.ndarray]:
        """Return crops as the graph's inputs, name -> array."""
        ports = [Port(part['name'], tuple(part['shape'][1:]), dtype=part['dtype']) for part in self.metadata.inputs]
        return graph_inputs(views, ports)


def make_scene(folder: Path) -> Scene:
    """Draw a hand in a picture of 640 x 480 px, and write it to a folder."""
    ((hand, box),) = _studio_hands(1, _AROUND_HAND)
    pixels = np.full((HEIGHT, WIDTH, 3), _GREY, np.uint8)
    left, top = (WIDTH - _AROUND_HAND) // 2, (HEIGHT - _AROUND_HAND) // 2
    pixels[top : top + _AROUND_HAND, left : left + _AROUND_HAND] = hand
    jpeg, rgb = folder / 'hand.jpg', folder / 'hand.npy'
    cv2.imwrite(str(jpeg), pixels)
    np.save(rgb, np.ascontiguousarray(pixels[..., ::-1]))
    return Scene(pixels, (box[0] + left, box[1] + top, *box[2:]), jpeg, rgb)


def _studio_hands(number: int, size: int) -> list[tuple[np.ndarray, tuple[float, float, float, float]]]:
    """Return studio pictures (size, size, 3), BGR, uint8, with the box (x, y, width, height) of the joints in px."""
    dataset = StudioDataset('test', number, modalities=('rgb',), resolution=size)
    found = []
    for index in range(number):
        sample = dataset.get_data_info(index)
        joints = sample['keypoints'][0].clip(0, size - 1)
        low, high = joints.min(0), joints.max(0)
        found.append((sample['img'], (*low.tolist(), *(high - low).tolist())))
    return found


def open_subject(
    model: str | None, checkpoint: str | None, precisions: Sequence[str], folder: Path
) -> tuple[Subject, str]:
    """Return the network to measure, with the files that were made for it, and a sentence about its weights.

    Args:
        model: An ONNX file of handkd, or a config; None for a student with random weights.
        checkpoint: Weights of the config; None for an ONNX file.
        precisions: Which of 'int8' and 'fp16' to make beside 'fp32'.
        folder: Folder for the files.

    Raises:
        ValueError: If the arguments do not go together, or the network takes depth or needs a camera.
        OSError: If a file or a package is missing; names it.
    """
    if model is not None and model.endswith('.onnx'):
        if checkpoint is not None:
            raise ValueError(f'{model} contains its weights: leave the checkpoint out')
        subject, weights = Subject({'fp32': Path(model)}, open_onnx(model, 1)[1]), 'its own weights'
    else:
        if model is not None and checkpoint is None:
            raise ValueError(f'{model}: name the checkpoint, too: benchmark infer CONFIG CHECKPOINT')
        subject = _from_config(model or CONFIG, checkpoint, folder)
        weights = 'its own weights' if checkpoint else 'random weights: speed does not depend on them'
    if subject.metadata.modality != 'rgb':
        raise ValueError(f'{model}: takes depth; this benchmark is for networks of colour pictures')
    subject.crop.check(True, None, None)
    made = dict(subject.files)
    for precision in precisions:
        made[precision] = _smaller(subject, precision, folder)
    return replace(subject, files=made), weights


def _from_config(config: str, checkpoint: str | None, folder: Path) -> Subject:
    """Return a network of a config, exported; with random weights if there is no checkpoint."""
    cfg = student_config(derived_config(load_config(config), False, None))
    if checkpoint is None:
        torch.manual_seed(0)
        checkpoint = str(folder / 'random.pth')
        torch.save({'state_dict': MODELS.build(cfg.model).state_dict()}, checkpoint)
    network, opset = HandNetwork(cfg, checkpoint, 'cpu'), ExportSettings().opset
    graph, file = ExportGraph(network), folder / 'fp32.onnx'
    model = trace(graph, opset)
    described = describe(cfg, checkpoint, network, graph, opset, 'not stated')
    metadata = replace(described, operators=operators(model))
    file.write_bytes(with_metadata(model, metadata))
    return Subject({'fp32': file}, metadata, network)


def _smaller(subject: Subject, precision: str, folder: Path) -> Path:
    """Write a network's file in another precision; 8 bits are calibrated on a few crops of the studio."""
    model = optional_package('onnx').load(str(subject.files['fp32']))
    if precision == 'int8':
        views = [cut(subject.crop, *hand) for hand in _studio_hands(_CALIBRATION, 2 * subject.crop.size)]
        made = quantise(model, [subject.inputs(views)])
    else:
        made = half_weights(model)
    file = folder / f'{precision}.onnx'
    file.write_bytes(with_metadata(made, replace(subject.metadata, precision=precision, operators=operators(made))))
    return file


def cut(crop: CropSpec, pixels: np.ndarray, box: tuple[float, float, float, float]) -> HandView:
    """Cut a hand out of a picture as inference does.

    Args:
        crop: The rule of the crop.
        pixels: BGR, uint8, shape (H, W, 3).
        box: (x, y, width, height) of the hand, px.
    """
    return crop.cut(pixels, *crop.square(HandPlace(box), pixels.shape[:2]))


def network_steps(
    subject: Subject, scene: Scene, batch: int, threads: int, runtimes: Sequence[str]
) -> tuple[dict[str, Step], dict[str, str]]:
    """Return the steps of the network by itself, from crops to joints, and why others can't be measured.

    Args:
        subject: The network.
        scene: The picture.
        batch: Number of crops.
        threads: Number of threads.
        runtimes: Of 'fp32', 'int8', 'fp16', 'eager' and 'compiled'.

    Returns:
        Runtime -> step; runtime -> reason.
    """
    given = subject.inputs([cut(subject.crop, scene.pixels, scene.box)] * batch)
    sessions = {name: open_onnx(subject.files[name], threads)[0] for name in runtimes if name in subject.files}
    steps: dict[str, Step] = {name: partial(session.run, None, given) for name, session in sessions.items()}
    in_torch = [runtime for runtime in runtimes if runtime in ('eager', 'compiled')]
    if subject.network is None:
        return steps, dict.fromkeys(in_torch, 'an ONNX file has no network of torch: give CONFIG CHECKPOINT')
    graph = ExportGraph(subject.network)
    tensors = [torch.from_numpy(given[port.name]) for port in graph.inputs]
    missing = {}
    for runtime in in_torch:
        try:
            steps[runtime] = _torch_step(graph, tensors, runtime == 'compiled')
        except Exception as error:  # without a compiler, or for an unknown operator: classes of many kinds
            missing[runtime] = ' '.join(str(error).split())[:100]
    return steps, missing


def _torch_step(graph: ExportGraph, tensors: Sequence[torch.Tensor], compiled: bool) -> Step:
    """Return a run of a graph in torch, compiled before for these shapes if wanted."""
    call = graph
    if compiled:
        torch._dynamo.reset()  # compiled code has a fixed number of threads
        call = torch.compile(graph, dynamic=False)

    def run() -> tuple[torch.Tensor, ...]:
        with torch.inference_mode():
            return call(*tensors)

    run()
    return run


def whole_steps(subject: Subject, scene: Scene, batch: int, threads: int, runtimes: Sequence[str]) -> dict[str, Step]:
    """Return the steps of the whole of inference, from pictures with the hand's box to lines of JSON.

    Args:
        subject: The network.
        scene: The picture.
        batch: Number of pictures.
        threads: Number of threads.
        runtimes: Those of 'fp32', 'int8', 'fp16' and 'eager' are measured.

    Returns:
        Row of the table -> step.
    """
    networks = {name: OnnxNetwork(subject.files[name], threads) for name in runtimes if name in subject.files}
    if 'eager' in runtimes and subject.network is not None:
        networks['eager'] = subject.network
    steps: dict[str, Step] = {}
    for name, network in networks.items():
        infer = HandInferencer(network)
        steps[f'array, {name}'] = partial(lines_of, infer, [scene.pixels] * batch, scene.box)
        if name == 'fp32':
            steps[f'JPEG, {name}'] = partial(lines_of, infer, [str(scene.jpeg)] * batch, scene.box)
    steps['decoding of the JPEG'] = lambda: [read_picture(scene.jpeg) for _ in range(batch)]
    return steps


def lines_of(infer: HandInferencer, pictures: Sequence, box: Sequence[float]) -> list[str]:
    """Return the JSON lines of pictures whose hand's box is given, as one batch.

    Args:
        infer: The inference.
        pictures: Arrays (H, W, 3), BGR, uint8, or paths.
        box: (x, y, width, height), px.

    Raises:
        ValueError: If a picture has no result.
    """
    records = list(infer(list(pictures), boxes=tuple(box), batch_size=len(pictures)))
    wrong = next((record['error'] for record in records if record['error']), None)
    if wrong:
        raise ValueError(f'the benchmark has no result to time: {wrong}')
    return [to_json(record) for record in records]
