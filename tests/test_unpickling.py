"""Pickles that are programs, or ask for more than they have: through the two doors by which pickles come in."""

import pickle
import zipfile

import numpy as np
import pytest

from handkd import unpickling
from handkd.datasets.readers.unpickling import load_arrays
from handkd.models import read_checkpoint


def text(value):
    """Instructions that put a text on the stack."""
    data = value.encode()
    return b'X' + len(data).to_bytes(4, 'little') + data


def call(name, arguments):
    """Instructions that call a function, 'module name', with what other instructions put on the stack."""
    return b'c' + name.replace(' ', '\n').encode() + b'\n(' + arguments + b'tR'


def number(value):
    return b'J' + value.to_bytes(4, 'little', signed=True)


def dtype(code, state=b'(K\x03X\x01\x00\x00\x00<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb'):
    return call('numpy dtype', text(code) + b'K\x00K\x01') + state


def forged(**values):
    """State of a type, with values that it has not."""
    state = dict(version=3, order='<', sub=None, names=None, fields=None, size=-1, align=-1, flags=0) | values
    return pickle.dumps(tuple(state.values()), 2)[2:-1] + b'b'


def array(kind, shape=b'K\x02\x85', data=b'C\x10' + bytes(16)):
    """An array of 16 zero bytes."""
    blank = call('numpy.core.multiarray _reconstruct', b'cnumpy\nndarray\nK\x00\x85C\x01b')
    return blank + b'(K\x01' + shape + kind + b'\x89' + data + b'tb'


TOUCH = text('touch victim')
ATTACKS = {
    'os.system': call('posix system', TOUCH),
    'subprocess': call('subprocess check_output', text('touch') + b'K\x01\x85'),
    'eval': call('builtins eval', text("open('victim', 'w')")),
    'exec of Python 2': call('__builtin__ exec', text("open('victim', 'w')")),
    'by INST': b'(' + TOUCH + b'iposix\nsystem\n',
    'by OBJ': b'(cposix\nsystem\n' + TOUCH + b'o',
    'by NEWOBJ_EX': b'csubprocess\nPopen\n(' + TOUCH + b't}\x92',
    'by STACK_GLOBAL': b'\x80\x04' + text('posix') + text('system') + b'\x93' + TOUCH + b'\x85R',
    'by a dotted name': call('numpy core.multiarray.os.system', TOUCH),
    'extension': b'\x82\x01',
    'extension of 4 bytes': b'\x84\xff\xff\xff\x7f',
    'persistent id': b'Pposix.system\n',
    'persistent object': b'(' + text('module') + TOUCH + b'tQ',
    'state of a class': b'cnumpy\nndarray\n}' + text('__setstate__') + TOUCH + b'sb',
    'state of a list': b']}' + text('append') + TOUCH + b'sb',
    'object array': array(dtype('O8')),
    'object array of a list': array(dtype('f8'), data=b']K\x01a'),
    'structured type': array(dtype('V16')),
    'flags of objects': array(dtype('i8', forged(flags=63))),
    'flags of text': array(dtype('S8', forged(size=8, align=1, flags=63))),
    'fields': array(dtype('i8', forged(names=('a',), fields={'a': (None, 0)}))),
    'subarray beyond the bytes': array(dtype('i8', forged(sub=(None, (1 << 30,))))),
    'size of a type': array(dtype('S8', forged(size=1 << 30, align=1))),
    'size of a number': array(dtype('i8', forged(size=1 << 20, align=8))),
    'type of no bytes': array(dtype('S0'), shape=b'J\xff\xff\xff\x7f\x85', data=b'C\x00'),
    'shape beyond the bytes': array(dtype('f8'), shape=b'J\xff\xff\xff\x7f\x85'),
    'negative shape': array(dtype('f8'), shape=b'J\xfe\xff\xff\xff\x85'),
    'shape without bytes': array(dtype('f8'), shape=b'K\x00\x8a\x05\x00\x00\x00\x00\x40\x86', data=b'C\x00'),
    'letters that do not exist': array(
        dtype('U4', forged(size=16, align=4, flags=8)), shape=b'K\x01\x85', data=b'C\x10' + b'\xff' * 16
    ),
    'number beyond the bytes': call('numpy.core.multiarray scalar', dtype('f8') + b'C\x02ab'),
    'number that is an object': call('numpy.core.multiarray scalar', dtype('O8') + b'C\x08' + b'a' * 8),
    'buffer beyond the bytes': call(
        'numpy.core.numeric _frombuffer', b'C\x08' + bytes(8) + dtype('f8') + number(1 << 30) + b'\x85' + text('C')
    ),
    'bytearray of a size': call('builtins bytearray', b'\x8a\x05\x00\x00\x00\x40\x01'),
    'bytes of a size': call('builtins bytes', b'\x8a\x05\x00\x00\x00\x40\x01'),
    'BYTEARRAY8 beyond the file': b'\x96' + (5 << 30).to_bytes(8, 'little'),
    'BINBYTES8 beyond the file': b'\x8e' + (5 << 30).to_bytes(8, 'little'),
    'text beyond the file': b'X\xff\xff\xff\xffab',
    'frame beyond the file': b'\x80\x04\x95' + (1 << 40).to_bytes(8, 'little') + b'N',
    'memo far away': b'Nr\xff\xff\xff\xff0h\x00',
    'nested tuples': b')' + b'\x85' * 300_000,
    'nested lists': b']' * 300_000 + b'a' * 299_999,
    'nested tuples as a key': b'}' + b')' + b'\x85' * 300_000 + b'Ns',
    'shared tuples as a key': b'})' + b'2\x86' * 60 + b'Ns',
    'shared tuples as a key on the stack': b'()' + b'2\x86' * 60 + b'Nd',
    'shared lists': b')' + b'2\x86' * 60,
    'a long list in each of nested ones': b'](' + b']' * 300_000 + b'eq\x000](h\x00e' + 90 * b'q\x010](h\x00h\x01e',
    'a list in itself': b'](h\x00e'.replace(b'(', b'q\x00('),
    'nested frames': b'\x80\x04' + b'\x95\x09\x00\x00\x00\x00\x00\x00\x00' * 1000,
    'integer of many bytes': b'\x8b' + (1 << 20).to_bytes(4, 'little') + b'\x01' * (1 << 20),
    'integer of many digits': b'L' + b'9' * 1_000_000 + b'L\n',
    'integers that collide': b'}' + b'\x8a\x10' + b'\x7f' * 16 + b'Ns',
    'the same copied again and again': b'](' + b'K\x00' * 20_000 + b'eq\x000' + 20_000 * call('builtins set', b'h\x00'),
    'encoding': call('_codecs encode', text('a' * 1000) + text('idna')),
    'buffer from elsewhere': b'\x80\x05\x97',
    'set of a size': call('builtins set', number(1 << 30)),
}


@pytest.fixture(params=['labels', 'checkpoint'])
def read(request, tmp_path, monkeypatch):
    """A function that reads a pickle as labels, or as a checkpoint."""
    monkeypatch.chdir(tmp_path)

    def as_labels(data):
        (tmp_path / 'some.pkl').write_bytes(data)
        return load_arrays('some.pkl')

    def as_checkpoint(data):
        with zipfile.ZipFile(tmp_path / 'some.pth', 'w') as archive:
            archive.writestr('some/data.pkl', data)
            archive.writestr('some/version', b'3\n')
        return read_checkpoint('some.pth')

    return as_labels if request.param == 'labels' else as_checkpoint


@pytest.mark.parametrize('attack', ATTACKS)
def test_what_is_no_data_is_refused_in_a_line(tmp_path, read, attack):
    with pytest.raises(ValueError, match=r'^\S*some\.p\S+ [^\n]*$') as caught:
        read(b'\x80\x02' + ATTACKS[attack] + b'.')
    assert len(str(caught.value)) < 700 and not (tmp_path / 'victim').exists()


def test_the_instructions_of_the_attacks_read_data_where_nothing_is_forged(read):
    kinds = {'f': dtype('f8'), 's': dtype('S8', forged(order='|', size=8, align=1))}
    content = read(b'}' + b''.join(text(name) + array(kind) + b's' for name, kind in kinds.items()) + b'.')
    assert content['f'].tolist() == [0, 0] and content['s'].tolist() == [b'', b'']
    assert content['f'].dtype == np.float64


@pytest.mark.parametrize('instruction', [b'(', b']', b'}', b'\x8f', b'N\x85', b'N\x94'])
def test_containers_of_a_byte_each_are_counted(monkeypatch, read, instruction):
    monkeypatch.setattr(unpickling, 'MAX_OBJECTS', 1000)
    with pytest.raises(ValueError, match='more than 1000 containers'):
        read(b'\x80\x04' + instruction * 2000 + b'.')


def test_names_out_of_a_file_do_not_reach_the_terminal(read):
    with pytest.raises(ValueError, match=r'requests a\?\[2Jb\?c\.d'):
        read(b'\x80\x04' + text('a\x1b[2Jb\nc') + text('d') + b'\x93.')
