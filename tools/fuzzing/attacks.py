"""Files made to run code, to access files outside their folder or to exhaust memory, for each kind of input.

Payloads only create the file :data:`CANARY` in the folder of the process that reads them.
"""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

CANARY = 'code_was_run'


@dataclass(frozen=True)
class Attack:
    """One attack.

    Attributes:
        name: Short description.
        file: Glob pattern of the file that it replaces.
        make: Makes its content from the clean one.
    """

    name: str
    file: str
    make: Callable[[bytes], bytes]


class _Calls:
    """Pickles as a call of a function by name."""

    def __init__(self, function: object, *args: object) -> None:
        self.function, self.args = function, args

    def __reduce__(self) -> tuple:
        return self.function, self.args


def _call(module: str, name: str, *args: str) -> bytes:
    """Return a pickle that calls a function with strings."""
    pushed = b''.join(b'V' + text.encode('raw_unicode_escape') + b'\n' for text in args)
    return b'c' + module.encode() + b'\n' + name.encode() + b'\n(' + pushed + b'tR.'


_TOUCH = f'touch {CANARY}'
_PYTHON = f"open('{CANARY}', 'w')"

_FORGED_DTYPE = (  # an array of 8 bytes whose dtype claims, by its flags, that they point to an object
    b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n(I1\ntcnumpy\ndtype\n(S'V8'\nI0\nI1\ntR"
    b"(I3\nS'|'\nNNNI8\nI1\nI63\ntbI00\nS'AAAAAAAA'\ntb."
)

PICKLES: dict[str, bytes] = {
    'os.system': _call('os', 'system', _TOUCH),
    'posix.system': _call('posix', 'system', _TOUCH),
    'builtins.eval': _call('builtins', 'eval', _PYTHON),
    'builtins.exec': _call('builtins', 'exec', _PYTHON),
    'subprocess.getoutput': _call('subprocess', 'getoutput', _TOUCH),
    'builtins.open': _call('builtins', 'open', CANARY, 'w'),
    'builtins.getattr': _call('builtins', 'getattr', 'x', '__class__'),
    'getattr chain': b'cbuiltins\ngetattr\n(cos\nV' + b'system\ntR.',
    'numpy.load': _call('numpy', 'load', CANARY),
    'torch.load': _call('torch', 'load', CANARY),
    'runpy': _call('runpy', 'run_path', CANARY),
    'forged dtype': _FORGED_DTYPE,
    'bytearray(5 << 30)': b'cbuiltins\nbytearray\n(J' + struct.pack('<i', 2**31 - 1) + b'tR.',
    'bytes(5 << 30)': b'cbuiltins\nbytes\n(L5368709120L\ntR.',
    'deep nesting': b'(' * 300_000 + b't' * 300_000 + b'.',
    'nested lists': b']' * 300_000 + b'a' * 299_999 + b'.',
    'long integer': b'\x80\x02\x8b' + struct.pack('<i', 2**31 - 1) + b'\x01' * 64 + b'.',
    'memo bomb': b'\x80\x04r\xff\xff\xff\x7fN.' + b'r\xff\xff\xff\x7f.',
    'extension code': b'\x80\x02\x82\x01.',
    'persistent id': b'Px\n.',
    'object array': pickle.dumps(np.array([_Calls(print)], object), 2),
    'frame longer than the file': b'\x80\x04\x95' + struct.pack('<Q', 2**62) + b'N.',
    'bytes longer than the file': b'\x80\x04\x8e' + struct.pack('<Q', 2**40) + b'x.',
}
"""Name -> a pickle that must be refused, or have no effect."""


def _in_checkpoint(payload: bytes) -> Callable[[bytes], bytes]:
    """Put a pickle into the zip archive of a checkpoint."""

    def make(clean: bytes) -> bytes:
        content = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(clean)) as old, zipfile.ZipFile(content, 'w') as new:
            for info in old.infolist():
                new.writestr(info.filename, payload if info.filename.endswith('data.pkl') else old.read(info))
        return content.getvalue()

    return make


def _with_config_text(clean: bytes) -> bytes:
    """Return a checkpoint whose config, as MMEngine stores it, is a program."""
    import torch

    content = io.BytesIO()
    checkpoint = torch.load(io.BytesIO(clean), weights_only=False)
    checkpoint['meta']['cfg'] = checkpoint['meta']['config'] = _PYTHON
    torch.save(checkpoint, content)
    return content.getvalue()


def _zip_bomb(clean: bytes) -> bytes:
    """Return a checkpoint of a few MB with a member of 4 GB."""
    content, packed = io.BytesIO(), zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(io.BytesIO(clean)) as old, zipfile.ZipFile(content, 'w', packed, compresslevel=1) as new:
        for info in old.infolist():
            new.writestr(info.filename, old.read(info))
        root = old.namelist()[0].split('/')[0]
        with new.open(f'{root}/data/9', 'w', force_zip64=True) as member:
            for _ in range(64):
                member.write(bytes(64 << 20))
    return content.getvalue()


def _json(change: Callable[[dict], object]) -> Callable[[bytes], bytes]:
    """Change a JSON file, or the first line of one."""

    def make(clean: bytes) -> bytes:
        first, *rest = [clean] if clean.count(b'\n') == 0 or clean.lstrip()[:2] != b'{"' else clean.split(b'\n')
        content = json.loads(first)
        change(content)
        return b'\n'.join([json.dumps(content).encode(), *rest])

    return make


def _source(**config: object) -> Callable[[bytes], bytes]:
    """Return a function that changes the source of a pack."""

    def change(content: dict) -> None:
        source = content['source']
        source.get('config', source).update(config)

    return _json(change)


def _giant_header(clean: bytes) -> bytes:
    """Return a PNG that claims 30,000 x 30,000 px."""
    from zlib import crc32

    header = b'IHDR' + struct.pack('>II', 30_000, 30_000) + clean[24:29]
    return clean[:12] + header + struct.pack('>I', crc32(header)) + clean[33:]


def _object_npz(_clean: bytes) -> bytes:
    """Return an npz whose array is a pickle."""
    content = io.BytesIO()
    np.savez(content, joints=np.array([_Calls(exec, _PYTHON)], object))
    return content.getvalue()


def _giant_npz(_clean: bytes) -> bytes:
    """Return an npz whose array claims 10^12 rows."""
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000, 21, 3), }"
    header += b' ' * (-(len(header) + 11) % 64) + b'\n'
    content = io.BytesIO()
    with zipfile.ZipFile(content, 'w') as archive:
        archive.writestr('joints.npy', b'\x93NUMPY\x01\x00' + struct.pack('<H', len(header)) + header)
    return content.getvalue()


_HOSTILE = dict(type='subprocess.Popen', args=['touch', CANARY])
_IMAGES = [Attack('30,000 x 30,000 px', '*.png', _giant_header)]
_PACK = [
    Attack('source builds subprocess.Popen', 'pack.json', _source(**_HOSTILE)),
    Attack('source nests subprocess.Popen', 'pack.json', _source(transforms=[_HOSTILE])),
    Attack('length of 10^12', 'pack.json', _json(lambda content: content.update(length=10**12))),
]

ATTACKS: dict[str, list[Attack]] = {
    'rhd': [Attack(name, '*.pickle', lambda _clean, data=data: data) for name, data in PICKLES.items()],
    'checkpoint': [
        *(Attack(name, 'iter_3.pth', _in_checkpoint(data)) for name, data in PICKLES.items()),
        *(Attack(f'{name}, bare', 'iter_3.pth', lambda _clean, data=data: data) for name, data in PICKLES.items()),
        Attack('config text', 'iter_3.pth', _with_config_text),
        Attack('zip bomb', 'iter_3.pth', _zip_bomb),
    ],
    'pack': _PACK,
    'stream': _PACK,
    'folder': [
        *_IMAGES,
        Attack('image outside', 'test.jsonl', _json(lambda line: line.update(image='../../../../etc/passwd'))),
        Attack('absolute image', 'test.jsonl', _json(lambda line: line.update(image='/etc/passwd'))),
        Attack('endless image', 'test.jsonl', _json(lambda line: line.update(image='/dev/zero'))),
    ],
    'images': _IMAGES,
    'joints': [
        Attack('npz with a pickle', 'pred.npz', _object_npz),
        Attack('npz of 10^12 rows', 'pred.npz', _giant_npz),
        Attack('values of 1e307', 'pred.json', lambda _clean: json.dumps([[[1e307] * 3] * 21] * 2).encode()),
    ],
}
"""Name of a target -> attacks on it."""
