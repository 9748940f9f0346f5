"""Damage done to a file: bits, bytes, slices, numbers in text, nodes of JSON, members of archives; all seeded."""

from __future__ import annotations

import io
import json
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Sequence

import numpy as np

Damage = Callable[[bytes, np.random.Generator], bytes]

_INTEGERS = (0, 1, -1, 127, 255, 2**15, 2**16 - 1, 2**31 - 1, -(2**31), 2**32 - 1, 2**63 - 1)
_FLOATS = (np.nan, np.inf, -np.inf, 1e39, -1e307, 1e-320)
_WORDS = (
    'NaN', 'Infinity', '-Infinity', '1e999', '1e39', '-1e307', '9' * 40, '-1', '0', '-0.0', '2147483648', '0.5', 'true',
    'null', '""', '"../x"', '"/etc/passwd"', '"\\u0000"', '[]', '{}', '[[[]]]', '"x"', '1_000', '0x10',
)  # fmt: skip
_VALUES = (
    None, True, -1, 0, 2**31, 10**12, 10**40, 1.5, -1e307, 1e39, float('nan'), float('inf'), '', 'x', '../x',
    '/dev/zero', '\x00', [], [[]], {}, {'x': 1}, [1, 2, 3], 'a' * 10000,
)  # fmt: skip
_NUMBER = re.compile(rb'-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?')


def damage(data: bytes, rng: np.random.Generator, others: Sequence[bytes] = ()) -> bytes:
    """Return a damaged copy of a file's content.

    Archives are damaged inside as often as outside: with a correct checksum, since otherwise a reader that compares it
    would not be tested any further.

    Args:
        data: The content.
        rng: Random generator that decides the damage.
        others: Contents of other files of the same tree, pieces of which are inserted. Defaults to ().
    """
    if data[:2] == b'PK' and rng.random() < 0.6:
        return _in_zip(data, rng)
    if data[257:262] == b'ustar' and rng.random() < 0.6:
        return _in_tar(data, rng)
    if data[:4] == b'\x89PNG' and rng.random() < 0.4:
        return _in_png(data, rng)
    if _is_text(data) and rng.random() < 0.7:
        kinds = _JSON_DAMAGES if data.lstrip()[:1] in (b'{', b'[') else _TEXT_DAMAGES
    else:
        kinds = _BYTE_DAMAGES
    for _ in range(1 if rng.random() < 0.8 else int(rng.integers(2, 5))):
        data = kinds[rng.integers(len(kinds))](data, rng)
    if others and rng.random() < 0.02:
        other, at = others[rng.integers(len(others))], _place(data, rng)
        data = data[:at] + other[_place(other, rng) :][:4096] + data[at:]
    return data


def _is_text(data: bytes) -> bool:
    return bool(data) and b'\x00' not in data[:4096] and all(byte < 128 for byte in data[:512])


def _place(data: bytes, rng: np.random.Generator) -> int:
    """Return a random position in the content, half of them within its first 256 bytes, which hold headers."""
    return int(rng.integers((min(len(data), 256) if rng.random() < 0.5 else len(data)) + 1))


def _flip_bits(data: bytes, rng: np.random.Generator) -> bytes:
    changed = bytearray(data)
    for _ in range(int(rng.integers(1, 9)) if changed else 0):
        changed[min(_place(data, rng), len(data) - 1)] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def _set_bytes(data: bytes, rng: np.random.Generator) -> bytes:
    at = _place(data, rng)
    value = bytes([rng.choice([0, 1, 0x7F, 0x80, 0xFF, int(rng.integers(256))])]) * int(rng.integers(1, 9))
    return data[:at] + value + data[at + len(value) :]


def _set_number(data: bytes, rng: np.random.Generator) -> bytes:
    order = rng.choice(['<', '>'])
    if rng.random() < 0.7:
        size = int(rng.choice([2, 4, 8]))
        value = _INTEGERS[rng.integers(len(_INTEGERS))] & (256**size - 1)
        number = value.to_bytes(size, 'little' if order == '<' else 'big')
    else:
        with np.errstate(over='ignore'):
            number = np.array(_FLOATS[rng.integers(len(_FLOATS))], rng.choice([f'{order}f4', f'{order}f8'])).tobytes()
    at = _place(data, rng)
    return data[:at] + number + data[at + len(number) :]


def _remove_slice(data: bytes, rng: np.random.Generator) -> bytes:
    at = _place(data, rng)
    return data[:at] + data[at + int(rng.integers(1, 65)) :]


def _repeat_slice(data: bytes, rng: np.random.Generator) -> bytes:
    at, length = _place(data, rng), int(rng.integers(1, 65))
    return data[:at] + data[at : at + length] * int(rng.integers(2, 20)) + data[at + length :]


def _insert_noise(data: bytes, rng: np.random.Generator) -> bytes:
    at = _place(data, rng)
    return data[:at] + rng.bytes(int(rng.integers(1, 65))) + data[at:]


def _cut(data: bytes, rng: np.random.Generator) -> bytes:
    return data[: _place(data, rng)]


def _replace_all(data: bytes, rng: np.random.Generator) -> bytes:
    new = (b'', bytes(len(data)), b'hello\n', rng.bytes(len(data) % 4096), b'\xef\xbb\xbf' + data, data + data)
    return new[rng.integers(len(new))]


_BYTE_DAMAGES: tuple[Damage, ...] = (
    _flip_bits, _flip_bits, _set_bytes, _set_number, _set_number, _remove_slice, _repeat_slice, _insert_noise, _cut,
    _replace_all,
)  # fmt: skip


def _swap_number(data: bytes, rng: np.random.Generator) -> bytes:
    found = list(_NUMBER.finditer(data[:200_000]))
    if not found:
        return _flip_bits(data, rng)
    match = found[rng.integers(len(found))]
    return data[: match.start()] + _WORDS[rng.integers(len(_WORDS))].encode() + data[match.end() :]


def _change_lines(data: bytes, rng: np.random.Generator) -> bytes:
    lines = data.split(b'\n')
    at = int(rng.integers(len(lines)))
    lines[at : at + 1] = ([], [lines[at]] * 2, [lines[at][: len(lines[at]) // 2]], [b'', lines[at]])[rng.integers(4)]
    return (b'\r\n' if rng.random() < 0.2 else b'\n').join(lines)


_TEXT_DAMAGES: tuple[Damage, ...] = (_swap_number, _swap_number, _change_lines, *_BYTE_DAMAGES)


def _change_json(data: bytes, rng: np.random.Generator) -> bytes:
    """Change the value of a node of JSON, or of a line of it."""
    lines = data.split(b'\n')
    at = int(rng.integers(len(lines)))
    try:
        whole = json.loads(data)
        lines, at = [data], 0
    except (ValueError, RecursionError):
        try:
            whole = json.loads(lines[at])
        except (ValueError, RecursionError):
            return _swap_number(data, rng)
    nodes = list(_nodes(whole))
    if not nodes:
        return _swap_number(data, rng)
    container, key = nodes[rng.integers(len(nodes))]
    if rng.random() < 0.2:
        del container[key]
    elif rng.random() < 0.1:
        container[key] = [container[key]]
    else:
        container[key] = _VALUES[rng.integers(len(_VALUES))]
    lines[at] = json.dumps(whole).encode()
    return b'\n'.join(lines)


def _nodes(node: object) -> list[tuple[dict | list, object]]:
    """Return the container and the key of each node below one."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [pair for key, value in items for pair in [(node, key), *_nodes(value)]]


def _nest(data: bytes, rng: np.random.Generator) -> bytes:
    depth = int(rng.choice([100, 2000, 100_000]))
    return (b'[' * depth + b']' * depth, b'{"a":' * depth + data + b'}' * depth)[rng.integers(2)]


_JSON_DAMAGES: tuple[Damage, ...] = (_change_json,) * 8 + (_nest, *_TEXT_DAMAGES)


def _in_zip(data: bytes, rng: np.random.Generator) -> bytes:
    """Damage one member of a zip archive; its checksums are correct afterwards."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [(info, archive.read(info)) for info in archive.infolist()]
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError, EOFError, struct.error):
        return _flip_bits(data, rng)
    chosen, content = int(rng.integers(len(members))), io.BytesIO()
    with zipfile.ZipFile(content, 'w', members[0][0].compress_type) as archive:
        for number, (info, member) in enumerate(members):
            if number != chosen:
                archive.writestr(info.filename, member)
            elif rng.random() < 0.9:
                archive.writestr(info.filename, damage(member, rng))
    return content.getvalue()


def _in_tar(data: bytes, rng: np.random.Generator) -> bytes:
    """Damage one member of a tar archive; its headers are correct afterwards."""
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        members = [(info, archive.extractfile(info).read()) for info in archive if info.isfile()]
    chosen, content = int(rng.integers(len(members))), io.BytesIO()
    with tarfile.open(fileobj=content, mode='w', format=tarfile.USTAR_FORMAT) as archive:
        for number, (info, member) in enumerate(members):
            member = damage(member, rng) if number == chosen else member
            new = tarfile.TarInfo(info.name)
            new.size = len(member)
            archive.addfile(new, io.BytesIO(member))
    return content.getvalue()


def _in_png(data: bytes, rng: np.random.Generator) -> bytes:
    """Damage one chunk of a PNG; its checksums are correct afterwards."""
    chunks, at = [], 8
    while at + 12 <= len(data):
        (length,) = struct.unpack('>I', data[at : at + 4])
        chunks.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
        at += 12 + length
    chosen = int(rng.integers(len(chunks)))
    kind, content = chunks[chosen]
    if kind == b'IDAT' and rng.random() < 0.5:
        try:
            content = zlib.compress(damage(zlib.decompress(content), rng), 1)
        except zlib.error:  # one of several chunks
            content = damage(content, rng)
    else:
        content = damage(content, rng)
    chunks[chosen] = (kind, content)
    parts = [data[:8]]
    for kind, content in chunks:
        parts += [struct.pack('>I', len(content)), kind, content, struct.pack('>I', zlib.crc32(kind + content))]
    return b''.join(parts)
