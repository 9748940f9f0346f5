"""Reading pickles as data: arrays, numbers, text and plain containers, within bounds that the file's size sets.

A pickle is a program. Python's reader calls whatever the program names, trusts its sizes, and nests to any depth;
numpy's classes then trust the flags and sizes that the program gives them. Here a table lists the allowed names, and
each entry checks its arguments.
"""

from __future__ import annotations

import io
import pickle
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from . import pickled_arrays
from .pickled_arrays import RefusedPickleError

MAX_DEPTH = 100
"""Maximum nesting depth of containers."""

MAX_OBJECTS = 4_000_000
"""Maximum number of containers, and of entries of the memo, in a pickle; the largest label files have a third."""

_MAX_BITS = 1024  # of an integer: states of random generators have 128
_MAX_WALK = 16 * MAX_OBJECTS
_KEYS = (str, bytes, int, float, bool, type(None))


@dataclass(frozen=True)
class Maker:
    """Value that a pickle gets for the name of a function or class: it can only be called.

    Attributes:
        make: Takes and checks the arguments in the pickle.
    """

    make: Callable[..., object]


class PickledData:
    """Stand-in for a class in a pickle: attributes without methods."""


def _set_attributes(target: PickledData, state: object) -> None:
    if type(state) is not dict or not all(type(key) is str for key in state):
        raise RefusedPickleError('it has an object without attributes')
    vars(target).update(state)


def _shown(text: object) -> str:
    """Return a name from a file, shortened and without control characters."""
    text = str(text)[:80]
    return ''.join(letter if letter.isprintable() else '?' for letter in text)


def _check_keys(keys: Iterable[object]) -> None:
    """Check keys before they are hashed: tuples could take for ever, and large integers could be made to collide."""
    for key in keys:
        if type(key) not in _KEYS or type(key) is int and not -(1 << 63) <= key < 1 << 63:
            raise RefusedPickleError(f'a key is of type {type(key).__name__}, expected text or a number')


def _make_set(kind: type) -> Callable[..., object]:
    def make(items: list | tuple = ()) -> object:
        if type(items) not in (list, tuple):
            raise RefusedPickleError(f'a set is made of {type(items).__name__}')
        _check_keys(items)
        return kind(items)

    return make


def _make_ordered(pairs: list = ()) -> OrderedDict:
    if type(pairs) not in (list, tuple) or any(type(pair) not in (list, tuple) or len(pair) != 2 for pair in pairs):
        raise RefusedPickleError('an OrderedDict is not made of pairs')
    _check_keys(key for key, _ in pairs)
    return OrderedDict(pairs)


def _make_counter(counts: dict | None = None) -> Counter:
    if type(counts) not in (dict, type(None)) or not all(type(value) is int for value in (counts or {}).values()):
        raise RefusedPickleError('a Counter is not made of counts')
    return Counter(counts)


def _encode(text: str, encoding: str = 'latin1') -> bytes:
    """Make bytes of text, as Python 3 writes them for Python 2."""
    if type(text) is not str or encoding not in ('latin1', 'latin-1'):
        raise RefusedPickleError(f'it requests the encoding {_shown(encoding)}')
    return text.encode('latin1')


def _make_bytes() -> bytes:
    return b''  # with a number, ``bytes`` would take that much memory


def _make_bytearray(data: bytes | str = b'', encoding: str = 'latin-1') -> bytearray:
    if type(data) not in (bytes, str):  # a number is a size
        raise RefusedPickleError(f'a bytearray is made of {type(data).__name__}')
    return bytearray(_encode(data, encoding) if type(data) is str else data)


def _make_complex(real: float, imag: float) -> complex:
    if not type(real) is type(imag) is float:
        raise RefusedPickleError('a complex number is not made of two numbers')
    return complex(real, imag)


_BUILTINS = {
    'bytearray': Maker(_make_bytearray),
    'bytes': Maker(_make_bytes),
    'complex': Maker(_make_complex),
    'frozenset': Maker(_make_set(frozenset)),
    'set': Maker(_make_set(set)),
}
PLAIN: dict[tuple[str, str], object] = {
    **{(module, name): maker for module in ('builtins', '__builtin__') for name, maker in _BUILTINS.items()},
    ('_codecs', 'encode'): Maker(_encode),
    ('collections', 'Counter'): Maker(_make_counter),
    ('collections', 'OrderedDict'): Maker(_make_ordered),
    ('numpy', 'ndarray'): np.ndarray,  # only an argument
    **{name: Maker(make) for name, make in pickled_arrays.MAKERS.items()},
}
"""(module, name) -> value that a pickle of arrays, numbers, text and plain containers gets for it."""


def _refuse(unpickler: PlainUnpickler) -> None:
    raise RefusedPickleError('it has an instruction that pickles of data do not have')


def _counted(run: Callable[[pickle._Unpickler], None]) -> Callable[[PlainUnpickler], None]:
    """Count the calls of an instruction that makes a container from almost no bytes."""

    def counted(unpickler: PlainUnpickler) -> None:
        unpickler.made += 1
        if unpickler.made > MAX_OBJECTS or len(unpickler.memo) > MAX_OBJECTS:
            raise RefusedPickleError(f'it has more than {MAX_OBJECTS} containers')
        run(unpickler)

    return counted


class PlainUnpickler(pickle._Unpickler):
    """Python's own reader in Python, with a table of allowed names, and bounds.

    Args:
        file: The pickle, in memory: its size bounds the memory and time that it may take.
        table: (module, name) -> a :class:`Maker`, or a constant.
    """

    def __init__(self, file: io.BytesIO, table: Mapping[tuple[str, str], object]) -> None:
        super().__init__(file, encoding='latin1')  # that of Python 2's bytes and arrays
        self.table, self.file = table, file
        self.size = len(file.getbuffer())
        self.made, self.copied = 0, 8 * self.size + (1 << 20)

    def load(self) -> object:
        """Return the content.

        Raises:
            RefusedPickleError: If it requests more than the table has, or exceeds a bound.
            Exception: Any other, if it is damaged.
        """
        content = super().load()
        _check_structure(content, 2 * self.size + (1 << 18))
        return content

    def find_class(self, module: str, name: str) -> object:
        """Return the entry of the table for a name."""
        if (module, name) not in self.table:
            raise RefusedPickleError(f'it requests {_shown(f"{module}.{name}")}')
        return self.table[module, name]

    def persistent_load(self, pid: object) -> object:
        """Refuse references to data outside a pickle; readers of files with such references override it."""
        raise RefusedPickleError('it refers to data outside itself')

    def _call(self, maker: object, args: object) -> object:
        if type(maker) is not Maker or type(args) is not tuple:
            raise RefusedPickleError(f'it calls {_shown(type(maker).__name__)}')
        self._charge(args)
        return maker.make(*args)

    def _charge(self, args: object) -> None:
        """Count the copied data: one object could be copied again and again."""
        self.copied -= sum(len(arg) for arg in args if type(arg) in (bytes, str, bytearray, list, tuple, dict))
        if self.copied < 0:
            raise RefusedPickleError('it copies the same data again and again')

    def load_reduce(self) -> None:
        """Call a named function."""
        args = self.stack.pop()
        self.stack[-1] = self._call(self.stack[-1], args)

    def load_newobj(self) -> None:
        """Make an object of a class, like a call."""
        self.load_reduce()

    def load_build(self) -> None:
        """Set the state of an object."""
        state, target = self.stack.pop(), self.stack[-1]
        self._charge(state if type(state) is tuple else (state,))
        if isinstance(target, np.dtype):
            pickled_arrays.set_byte_order(target, state)
        elif type(target) is np.ndarray:
            pickled_arrays.fill(target, state)
        elif type(target) is OrderedDict and type(state) is dict:
            if '_metadata' in state:  # of a module's weights; other attributes could shadow methods
                target._metadata = state['_metadata']
        elif type(target) is PickledData:
            _set_attributes(target, state)
        else:
            raise RefusedPickleError(f'it sets the state of {_shown(type(target).__name__)}')

    def load_append(self) -> None:
        """Append to a list."""
        item = self.stack.pop()
        self._top(list).append(item)

    def load_appends(self) -> None:
        """Extend a list."""
        items = self.pop_mark()
        self._top(list).extend(items)

    def load_setitem(self) -> None:
        """Set an entry of a dict."""
        value, key = self.stack.pop(), self.stack.pop()
        _check_keys((key,))
        self._top(dict, OrderedDict, Counter)[key] = value

    def load_setitems(self) -> None:
        """Set entries of a dict."""
        items = self.pop_mark()
        target, keys = self._top(dict, OrderedDict, Counter), items[::2]
        _check_keys(keys)
        target.update(zip(keys, items[1::2], strict=True))

    def load_dict(self) -> None:
        """Make a dict from the stack."""
        items = self.pop_mark()
        keys = items[::2]
        _check_keys(keys)
        self.append(dict(zip(keys, items[1::2], strict=True)))

    def load_additems(self) -> None:
        """Add to a set."""
        items = self.pop_mark()
        _check_keys(items)
        self._top(set).update(items)

    def load_frozenset(self) -> None:
        """Make a frozenset from the stack."""
        items = self.pop_mark()
        _check_keys(items)
        self.append(frozenset(items))

    def load_frame(self) -> None:
        """Start a frame, if the file has as many bytes as it claims."""
        size = int.from_bytes(self.read(8), 'little')
        if size > self.size - self.file.tell():
            raise EOFError('a frame is truncated')
        self._unframer.load_frame(size)

    def load_bytearray8(self) -> None:
        """Make a bytearray, if the file has as many bytes as it claims."""
        self.load_binbytes8()
        self.stack[-1] = bytearray(self.stack[-1])

    def _top(self, *kinds: type) -> object:
        if type(self.stack[-1]) not in kinds:
            raise RefusedPickleError(f'it adds to {_shown(type(self.stack[-1]).__name__)}')
        return self.stack[-1]

    dispatch = dict.fromkeys(range(256), _refuse) | {
        code: run
        for code, run in pickle._Unpickler.dispatch.items()
        if bytes([code])
        not in (
            *(pickle.EXT1, pickle.EXT2, pickle.EXT4, pickle.INST, pickle.OBJ, pickle.NEWOBJ_EX),
            *(pickle.PERSID, pickle.NEXT_BUFFER, pickle.READONLY_BUFFER),
        )
    }
    dispatch |= {
        pickle.REDUCE[0]: load_reduce,
        pickle.NEWOBJ[0]: load_newobj,
        pickle.BUILD[0]: load_build,
        pickle.APPEND[0]: load_append,
        pickle.APPENDS[0]: load_appends,
        pickle.SETITEM[0]: load_setitem,
        pickle.SETITEMS[0]: load_setitems,
        pickle.ADDITEMS[0]: load_additems,
        pickle.DICT[0]: load_dict,
        pickle.FROZENSET[0]: load_frozenset,
        pickle.FRAME[0]: load_frame,
        pickle.BYTEARRAY8[0]: load_bytearray8,
    }
    for _code in b'()]}\x8f\x91\x85\x86\x87tldR\x81\x94':  # all that make containers from a byte, or memo entries
        dispatch[_code] = _counted(dispatch[_code])
    del _code


def _inside(item: object) -> Collection | None:
    """Return the items of a container that could be containers; None if it is not a container."""
    if not isinstance(item, (dict, list, tuple, PickledData)):
        return None
    if isinstance(item, OrderedDict):
        return (*item.values(), *vars(item).values())
    if isinstance(item, dict):
        return item.values()
    return item if isinstance(item, (list, tuple)) else vars(item).values()


def _check_structure(content: object, most: int) -> None:
    """Check that containers are not nested too deeply, nor too many if shared ones count once per reference.

    It proceeds level by level, with the number of paths to each container: a list that contains itself never ends.

    Args:
        content: Content of a pickle.
        most: Maximum number of items visited. Items that are not shared take at least one byte each in the pickle.
    """
    level, total, seen = {0: ((content,), 1)}, 0, 0
    for _ in range(MAX_DEPTH + 1):
        below = {}
        for container, ways in level.values():
            items = _inside(container) or ()
            total, seen = total + ways * len(items), seen + len(items)
            if total > _MAX_WALK or seen > most:
                raise RefusedPickleError('its containers share so much that visiting them would take for ever')
            for item in items:
                if type(item) is int and item.bit_length() > _MAX_BITS:
                    raise RefusedPickleError(f'it has an integer of {item.bit_length()} bits')
                if _inside(item) is not None:
                    below[id(item)] = item, below.get(id(item), (item, 0))[1] + ways
        if not below:
            return
        level = below
    raise RefusedPickleError(f'its containers are nested more than {MAX_DEPTH} deep')
