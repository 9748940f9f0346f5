"""Description of an exported network in its ONNX file: what goes in, what comes out, and the crop that it takes.

The description is a JSON object in the file's metadata property :data:`PROPERTY` (docs/export.md). This module needs
neither torch nor onnx.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from os import PathLike

from handkd.hints import check_keys, did_you_mean
from handkd.importing import optional_package

PROPERTY = 'handkd'
"""Name of the metadata property."""
FORMAT = 1
"""Number of the description's form; a reader refuses higher ones."""
TASKS = ('3d', '2d', '2.5d', 'cube', 'mmpose2d')
CROP_KEYS = (
    'rule', 'factor', 'cube', 'root', 'size', 'border', 'margin', 'turns', 'depth_cube_mm', 'hand_only', 'background',
)  # fmt: skip
"""Keys of ``crop``; the last three are for depth only."""
PRECISIONS = ('fp32', 'fp16', 'int8')


@dataclass(frozen=True)
class OnnxMetadata:
    """Description of an exported network.

    Attributes:
        name: Name of the config, such as 'pmd/resnet18half_studio'.
        task: One of :data:`TASKS`: what the network predicts.
        modality: 'rgb' or 'depth'.
        joints: Names of the joints in their order.
        bones: Pairs of indices of joints, (parent, child).
        root: Joint that ``keypoints_3d`` of an inference is relative to.
        unit: Unit of the network's own pose: 'hand_scale', 'mm' or 'px'.
        scale_bone: The two joints whose distance is the unit 'hand_scale'; None for other units.
        mean_scale_mm: Mean length of the scale bone in training, mm; None if the network does not know it.
        input: The image: ``name``, ``size`` in px, ``dtype``, ``layout``, and ``color`` (RGB) or ``unit`` (depth).
        inputs: All inputs of the graph: ``name``, ``shape``, ``dtype``, ``unit`` and ``meaning``; 'B' is any number.
        outputs: All outputs of the graph: ``name``, ``shape``, ``unit``, and ``frame`` and ``root`` where they have
            one.
        crop: The square that the network takes, with the keys of :data:`CROP_KEYS`.
        side: ``trained_on`` 'both', 'left' or 'right', and ``convention``.
        opset: Version of the operators.
        config: Name of the config's file, without folders.
        config_sha256: Hash of the config's text with all its bases and options.
        checkpoint_sha256: Hash of the checkpoint's file.
        licence: Licence of the weights.
        created: Date and time of the export, ISO 8601.
        precision: One of :data:`PRECISIONS`.
        parity: Largest differences from torch in the check at export: ``samples``, ``max_mm``, ``max_px``,
            ``max_estimated_mm``; empty if there was none, as after quantisation.
        operators: Operators of the graph, sorted.
        handkd_version: Version of handkd that wrote the file.
        format: Number of this form. Defaults to :data:`FORMAT`.
    """

    name: str
    task: str
    modality: str
    joints: tuple[str, ...]
    bones: tuple[tuple[int, int], ...]
    root: str
    unit: str
    scale_bone: tuple[str, str] | None
    mean_scale_mm: float | None
    input: dict
    inputs: tuple[dict, ...]
    outputs: tuple[dict, ...]
    crop: dict
    side: dict
    opset: int
    config: str
    config_sha256: str
    checkpoint_sha256: str
    licence: str
    created: str
    handkd_version: str
    precision: str = 'fp32'
    parity: dict = field(default_factory=dict)
    operators: tuple[str, ...] = ()
    format: int = FORMAT

    @property
    def size(self) -> int:
        """Side of the network's input in px."""
        return self.input['size']

    def input_names(self) -> tuple[str, ...]:
        """Return the names of the graph's inputs."""
        return tuple(one['name'] for one in self.inputs)

    def output_names(self) -> tuple[str, ...]:
        """Return the names of the graph's outputs."""
        return tuple(one['name'] for one in self.outputs)

    def to_json(self) -> str:
        """Return the text of the metadata property."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str | None, file: str | PathLike) -> OnnxMetadata:
        """Read the text of the metadata property.

        Args:
            text: The text; None if the file has no such property.
            file: The ONNX file, for errors.

        Raises:
            ValueError: If the file was not exported by handkd or by a newer version of it, or the description is
                damaged; names the file.
        """
        if text is None:
            raise ValueError(f'{file}: not exported by handkd: make the file with `handkd export CONFIG CHECKPOINT`')
        try:
            values = json.loads(text)
        except ValueError as error:
            raise _damaged(file, str(error)) from None
        if not isinstance(values, dict) or type(values.get('format')) is not int:
            raise _damaged(file, "it has no number 'format'")
        if values['format'] > FORMAT:
            raise ValueError(
                f'{file}: made by a newer handkd ({values.get("handkd_version", "unknown version")}, format '
                f'{values["format"]}, this one reads up to {FORMAT}): update handkd'
            )
        known = {one.name for one in fields(cls)}
        try:
            check_keys(values, known, str(file))
        except ValueError as error:
            raise _damaged(file, str(error).removeprefix(f'{file}: ')) from None
        try:
            made = cls(**{key: _frozen(key, value) for key, value in values.items()})
        except TypeError:
            optional = {'precision', 'parity', 'operators'}
            missing = sorted(known - optional - set(values))
            raise _damaged(file, f'{missing} are missing' if missing else 'values have the wrong type') from None
        made._check(file)
        return made

    def _check(self, file: str | PathLike) -> None:
        """Raise a ValueError for a value that no export of this format has."""
        for key, choices in (('task', TASKS), ('precision', PRECISIONS), ('modality', ('rgb', 'depth'))):
            if getattr(self, key) not in choices:
                raise _damaged(file, f'{key} is {getattr(self, key)!r}; {did_you_mean(getattr(self, key), choices)}')
        for key in ('input', 'crop', 'side', 'parity'):
            if not isinstance(getattr(self, key), Mapping):
                raise _damaged(file, f'{key} must be an object, found {getattr(self, key)!r}')
        for key in ('inputs', 'outputs'):
            parts = getattr(self, key)
            if not parts or not all(isinstance(part, Mapping) and isinstance(part.get('name'), str) for part in parts):
                raise _damaged(file, f'{key} must be a list of objects with names')
        if type(self.input.get('size')) is not int or self.input['size'] < 1:
            raise _damaged(file, f'input.size must be a positive number of px, found {self.input.get("size")!r}')
        if self.input.get('name') not in self.input_names():
            raise _damaged(file, f'input.name is {self.input.get("name")!r}, but the inputs are {self.input_names()}')
        unknown = sorted(set(self.crop) - set(CROP_KEYS))
        if unknown or 'rule' not in self.crop:
            raise _damaged(file, f'crop must have a rule and keys of {CROP_KEYS}, found {sorted(self.crop)}')


def open_onnx(file: str | PathLike, threads: int | None = None) -> tuple[object, OnnxMetadata]:
    """Open an exported network in ONNX Runtime, on the CPU.

    Args:
        file: The ONNX file.
        threads: Number of threads of one run. Defaults to None: as many as there are cores.

    Returns:
        The ``onnxruntime.InferenceSession`` and the description.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If it is truncated, no ONNX file, or not exported by handkd or by a newer version of it.
        ImportError: If onnxruntime is missing; says how to install it.
    """
    session = open_session(file, threads)
    found = session.get_modelmeta().custom_metadata_map.get(PROPERTY)
    return session, OnnxMetadata.from_json(found, file)


def open_session(file: str | PathLike, threads: int | None = None) -> object:
    """Open any ONNX file in ONNX Runtime, on the CPU.

    Args:
        file: The ONNX file.
        threads: Number of threads of one run. Defaults to None: as many as there are cores.

    Returns:
        The ``onnxruntime.InferenceSession``.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If it is truncated, or no ONNX file.
        ImportError: If onnxruntime is missing; says how to install it.
    """
    runtime = optional_package('onnxruntime')
    if not os.path.isfile(file):
        raise FileNotFoundError(f'no ONNX file at {os.fspath(file)}; check the path')
    with open(file, 'rb') as opened:
        content = opened.read()
    options = runtime.SessionOptions()
    options.log_severity_level = 4  # its errors are raised; printed as well, they would be more than one line
    # Threads that wait for the next batch actively would take the cores from the cutting of its crops.
    options.add_session_config_entry('session.intra_op.allow_spinning', '0')
    if threads is not None:
        options.intra_op_num_threads = options.inter_op_num_threads = threads
    try:
        session = runtime.InferenceSession(content, options, providers=['CPUExecutionProvider'])
    except Exception as error:  # its classes are private
        text = ' '.join(str(error).split())[:200]
        raise ValueError(f'{file}: not a complete ONNX file ({text}): export or copy it again') from None
    return session


def _frozen(key: str, value: object) -> object:
    """Return a value of the JSON text in the type of the dataclass: lists as tuples, but not within objects."""
    if isinstance(value, list) and key in ('joints', 'bones', 'scale_bone', 'inputs', 'outputs', 'operators'):
        return tuple(tuple(item) if isinstance(item, list) else item for item in value)
    return value


def _damaged(file: str | PathLike, reason: str) -> ValueError:
    """Return the error for a description that can't be read."""
    return ValueError(f'{file}: its description (metadata property {PROPERTY!r}) is damaged: {reason}; export it again')


__all__: Sequence[str] = ('FORMAT', 'PROPERTY', 'OnnxMetadata', 'open_onnx')
