"""Reading files of ``torch.save`` as data: each size is checked against the bytes in the file.

Torch's own reader in its strict mode runs no code either, but it trusts sizes, calls the numpy classes that are listed
as safe with any state, and ignores the checksums of the archive.
"""

from __future__ import annotations

import io
import math
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from handkd.unpickling import PLAIN, Maker, PickledData, PlainUnpickler, RefusedPickleError

ZIP = b'PK\x03\x04'
_MAGIC = 0x1950A86A20F9469CFC6C  # of the format before torch 1.6
_PROTOCOL = 1001
_FREE_ELEMENTS = 1 << 24  # elements of a tensor that repeats stored ones by strides of 0


@dataclass(frozen=True)
class StorageKind:
    """Value that a pickle gets for the name of a class of storages.

    Attributes:
        dtype: Type of its elements.
    """

    dtype: torch.dtype


@dataclass(frozen=True)
class Storage:
    """The memory that tensors share.

    Attributes:
        data: Its bytes, shape (N,), uint8.
        dtype: Type of its elements.
        start: First element of this storage.
        length: Number of its elements.
    """

    data: torch.Tensor
    dtype: torch.dtype
    start: int
    length: int


def _check_numbers(*numbers: object) -> None:
    if not all(type(number) is int and 0 <= number < 1 << 62 for number in numbers):
        raise RefusedPickleError('a tensor has sizes that are not counts')


def _rebuild(storage: Storage, offset: int, size: tuple, stride: tuple, *rest: object) -> torch.Tensor:
    """Make a tensor as ``torch._utils._rebuild_tensor`` and ``_v2``; arguments for gradients are dropped."""
    if len(rest) > 3 or (len(rest) == 3 and rest[2]):
        raise RefusedPickleError('a tensor is of an unsupported kind')
    if type(storage) is not Storage:
        raise RefusedPickleError('a tensor has no storage')
    return _view(storage, storage.dtype, offset, size, stride)


def _rebuild_v3(
    storage: Storage, offset: int, size: tuple, stride: tuple, grad: object, hooks: object, dtype: torch.dtype
) -> torch.Tensor:
    """Make a tensor as ``torch._utils._rebuild_tensor_v3``: of a type without a class of storages."""
    if type(storage) is not Storage or type(dtype) is not torch.dtype:
        raise RefusedPickleError('a tensor has no storage')
    return _view(storage, dtype, offset, size, stride)


def _view(storage: Storage, dtype: torch.dtype, offset: int, size: tuple, stride: tuple) -> torch.Tensor:
    if not (isinstance(size, tuple) and isinstance(stride, tuple) and len(size) == len(stride) <= 32):
        raise RefusedPickleError('a tensor has no shape')
    _check_numbers(offset, *size, *stride)
    length = storage.length * storage.dtype.itemsize // dtype.itemsize
    count, longest = math.prod(size), max(size, default=1)
    last = offset + sum((n - 1) * step for n, step in zip(size, stride)) if count else offset - 1
    # Torch would enlarge a storage that is too small to any size. Strides of 0 make many numbers of few.
    if max(offset, last + 1) > length or count > max(length, _FREE_ELEMENTS) or longest > max(length, _FREE_ELEMENTS):
        raise RefusedPickleError(f'a tensor of shape {tuple(size)} lies beyond the {length} numbers stored for it')
    start = storage.start * storage.dtype.itemsize // dtype.itemsize
    return torch.empty(0, dtype=dtype).set_(storage.data.untyped_storage(), start + offset, size, stride)


def _rebuild_parameter(data: torch.Tensor, *rest: object) -> torch.Tensor:
    """Return a parameter's tensor: the network decides whether it is trained."""
    if type(data) is not torch.Tensor or len(rest) > 3:
        raise RefusedPickleError('a parameter has no tensor')
    return data


def _rebuild_with_attributes(maker: Maker, kind: object, args: tuple, state: object) -> torch.Tensor:
    """Make a tensor that had attributes in Python, which are dropped."""
    if type(maker) is not Maker or maker.make not in _REBUILD.values() or type(args) is not tuple:
        raise RefusedPickleError('a tensor is of an unknown class')
    return maker.make(*args)


def _make_size(numbers: tuple = ()) -> torch.Size:
    if type(numbers) not in (list, tuple):
        raise RefusedPickleError('a torch.Size is not made of numbers')
    _check_numbers(*numbers)
    return torch.Size(numbers)


def _make_device(kind: str, index: int = 0) -> torch.device:
    if type(kind) is not str or type(index) is not int or not 0 <= index < 128:
        raise RefusedPickleError('a torch.device has no name')
    return torch.device(kind, index) if kind.isalpha() and index else torch.device(kind)


def _no_function(*_args: object) -> None:
    """Stand-in for ``getattr``, by which log buffers name functions of their class: no attribute is looked up."""


_REBUILD = {
    '_rebuild_tensor': _rebuild,
    '_rebuild_tensor_v2': _rebuild,
    '_rebuild_tensor_v3': _rebuild_v3,
    '_rebuild_parameter': _rebuild_parameter,
    '_rebuild_parameter_with_state': _rebuild_parameter,
}
_DTYPES = {
    name: dtype
    for name, dtype in vars(torch).items()
    if type(dtype) is torch.dtype and not name.startswith(('q', 'bit', 'float4', 'float8_e8')) and name[-2:] != 'x2'
}
_STORAGES = dict(
    **dict(Double=torch.float64, Float=torch.float32, Half=torch.float16, BFloat16=torch.bfloat16, Bool=torch.bool),
    **dict(Long=torch.int64, Int=torch.int32, Short=torch.int16, Char=torch.int8, Byte=torch.uint8),
    **dict(ComplexDouble=torch.complex128, ComplexFloat=torch.complex64),
)
TABLE: dict[tuple[str, str], object] = {
    **PLAIN,
    **{('torch._utils', name): Maker(make) for name, make in _REBUILD.items()},
    **{('torch', name): dtype for name, dtype in _DTYPES.items()},
    **{('torch', f'{name}Storage'): StorageKind(dtype) for name, dtype in _STORAGES.items()},
    **{(module, 'UntypedStorage'): StorageKind(torch.uint8) for module in ('torch', 'torch.storage')},
    ('torch', 'Tensor'): torch.Tensor,  # only an argument
    ('torch', 'Size'): Maker(_make_size),
    ('torch', 'device'): Maker(_make_device),
    ('torch._tensor', '_rebuild_from_type_v2'): Maker(_rebuild_with_attributes),
    ('torch.nn.parameter', 'Parameter'): Maker(_rebuild_parameter),
    ('mmengine.logging.history_buffer', 'HistoryBuffer'): Maker(PickledData),
    **{(module, 'getattr'): Maker(_no_function) for module in ('builtins', '__builtin__')},
}
"""(module, name) -> value that a checkpoint gets for it: tensors, numbers, text, arrays of numbers and plain
containers, and MMEngine's log buffers as data."""


class _TensorUnpickler(PlainUnpickler):
    """Reads a pickle whose tensors have their numbers elsewhere in the file.

    Args:
        file: The pickle.
        storage: Returns the bytes of a storage by its name and size in bytes.
    """

    def __init__(self, file: io.BytesIO, storage: Callable[[str, int], torch.Tensor]) -> None:
        super().__init__(file, TABLE)
        self.storage = storage

    def persistent_load(self, pid: object) -> Storage:
        """Return a storage that the pickle refers to."""
        if type(pid) is not tuple or len(pid) not in (5, 6) or pid[0] != 'storage' or type(pid[1]) is not StorageKind:
            raise RefusedPickleError('it refers to an object that is not a storage')
        _, kind, name, _, count, part = (*pid, None)[:6]
        if type(name) is not str:
            raise RefusedPickleError('a storage has no name')
        _check_numbers(count)
        data = self.storage(name, count * kind.dtype.itemsize)
        if len(data) != count * kind.dtype.itemsize:
            raise RefusedPickleError(f'a storage of {len(data)} bytes claims {count} numbers')
        start, length = 0, count
        if part is not None:  # torch before 0.4
            if type(part) is not tuple or len(part) != 3:
                raise RefusedPickleError('a part of a storage has no place')
            _, start, length = part
            _check_numbers(start, length)
            if start + length > count:
                raise RefusedPickleError('a part of a storage lies beyond it')
        return Storage(data, kind.dtype, start, length)

    def load_build(self) -> None:
        """Set an object's state; that of a parameter of torch before 0.4 is for gradients and is dropped."""
        if type(self.stack[-2]) is torch.Tensor:
            self.stack.pop()
        else:
            super().load_build()

    dispatch = PlainUnpickler.dispatch | {b'b'[0]: load_build}


def read_archive(path: Path) -> object:
    """Read a checkpoint of torch since 1.6, a zip archive; the checksum of each record is compared.

    Args:
        path: The file.

    Raises:
        RefusedPickleError: If it requests more than data.
        Exception: Any other, if it is damaged.
    """
    with zipfile.ZipFile(path) as archive:
        records = {info.filename: info for info in archive.infolist()}
        root = _root(records, path.stat().st_size)
        if f'{root}byteorder' in records:
            _check_order(archive.read(f'{root}byteorder').decode('latin1'))
        storages: dict[str, torch.Tensor] = {}

        def storage(name: str, length: int) -> torch.Tensor:
            if name not in storages:
                storages[name] = _read_record(archive, records[f'{root}data/{name}'], length)
            return storages[name]

        content = _TensorUnpickler(io.BytesIO(archive.read(f'{root}data.pkl')), storage).load()
        for name in records.keys() - {f'{root}data/{name}' for name in storages}:
            archive.read(name)
        return content


def _root(records: dict[str, zipfile.ZipInfo], size: int) -> str:
    """Return the prefix of an archive's records, after checking that torch.save could have written them."""
    pickled = [name for name in records if name.endswith('/data.pkl')]
    if len(pickled) != 1:
        raise ValueError('it is a zip archive that torch.save did not write')
    root = pickled[0].removesuffix('data.pkl')
    if f'{root}constants.pkl' in records:
        raise ValueError('it is a TorchScript module: save its state_dict()')
    if any(info.compress_type != zipfile.ZIP_STORED for info in records.values()):
        raise ValueError('its records are compressed, unlike those of torch.save')
    if sum(info.file_size for info in records.values()) > size:
        raise ValueError(f'its records are longer than the file of {size} bytes')
    return root


def _check_order(order: str) -> None:
    if order != sys.byteorder:
        raise ValueError(f'its numbers are in the byte order {order!a}, expected {sys.byteorder!r} as on this machine')


def _read_record(archive: zipfile.ZipFile, record: zipfile.ZipInfo, length: int) -> torch.Tensor:
    """Return a record's bytes, shape (length,), uint8, after comparing its checksum."""
    if record.file_size != length:
        raise RefusedPickleError(f'a tensor requests {length} bytes of {record.file_size}')
    # Memory allocated, and so aligned, by torch: a resumed run continues exactly as if it had not stopped.
    data = torch.empty(length, dtype=torch.uint8)
    with archive.open(record) as file:
        if length and file.readinto(memoryview(data.numpy())) != length:
            raise EOFError('a record is truncated')
        file.read(1)  # the checksum is compared at the end, also for an empty record
    return data


class _Pending:
    """Storages that a pickle refers to and whose bytes follow it.

    Args:
        budget: Maximum number of bytes.
    """

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.storages: dict[str, torch.Tensor] = {}

    def __call__(self, name: str, length: int) -> torch.Tensor:
        """Return the memory of a storage, to be filled later, shape (length,), uint8."""
        if name not in self.storages:
            self.budget -= length
            if self.budget < 0:
                raise RefusedPickleError('its tensors request more bytes than it has')
            self.storages[name] = torch.empty(length, dtype=torch.uint8)
        return self.storages[name]

    def fill(self, names: object, file: io.BytesIO) -> None:
        """Read the bytes, in the order of the storages' names."""
        if type(names) is not list or len(names) != len(self.storages) or set(names) != self.storages.keys():
            raise ValueError('its list of storages does not match its tensors')
        for name in names:
            target, count = self.storages[name].numpy(), int.from_bytes(file.read(8), 'little')
            if count * max(1, len(target) // max(count, 1)) != len(target):  # a count of elements of unknown width
                raise ValueError('the size of a storage does not match its tensors')
            if len(target) and file.readinto(memoryview(target)) != len(target):
                raise EOFError('it is truncated')


def read_stream(path: Path) -> object:
    """Read a checkpoint of torch before 1.6: pickles, followed by the numbers; it has no checksums.

    Args:
        path: The file.

    Raises:
        RefusedPickleError: If it requests more than data.
        Exception: Any other, if it is damaged.
    """
    data = path.read_bytes()
    file, pending = io.BytesIO(data), _Pending(len(data))
    magic, protocol, system = (PlainUnpickler(file, PLAIN).load() for _ in range(3))
    if magic != _MAGIC or protocol != _PROTOCOL or type(system) is not dict:
        raise ValueError('it is a pickle that torch.save did not write')
    _check_order('little' if system.get('little_endian') else 'big')
    content = _TensorUnpickler(file, pending).load()
    pending.fill(PlainUnpickler(file, PLAIN).load(), file)
    return content
