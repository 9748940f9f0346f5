"""The process that reads damaged files: a memory limit, audit of Python's actions, and a verdict on each input."""

from __future__ import annotations

import os
import resource
import shutil
import sys
import tempfile
import traceback
from multiprocessing.connection import Connection
from pathlib import Path
from zlib import crc32

import numpy as np

from .attacks import ATTACKS, CANARY, Attack
from .mutations import damage

MEMORY = 2 << 30
"""Bytes that reading an input may take in addition to the memory of the process."""

UNCLEAN = 'unclean'
READ, REFUSED, TRACEBACK, UNNAMED, MEMORY_FAULT, RUN = 'read', 'refused', 'traceback', 'unnamed', 'memory', 'code run'
"""Verdicts: the input was read; refused by a ValueError or OSError of one line with the file's name; by another
exception or in several lines; without the name; it took too much memory; code in it was run."""

_EVENTS = (
    'os.system', 'os.exec', 'os.posix_spawn', 'os.spawn', 'os.fork', 'os.startfile', 'pty.spawn', 'subprocess.Popen',
    'socket.connect', 'urllib.Request', 'webbrowser.open',
)  # fmt: skip
"""Audit events of Python that no reader needs."""


class Watch:
    """Records forbidden actions since the last call of :meth:`events`."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.on = False
        sys.addaudithook(self._hear)

    def _hear(self, event: str, _args: tuple) -> None:
        if self.on and event in _EVENTS:
            self.seen.append(event)

    def events(self) -> list[str]:
        """Return the recorded actions, and clear them."""
        seen, self.seen = self.seen, []
        return seen


class Tree:
    """A clean tree of a target, in which single files are damaged and restored again.

    Args:
        name: Name of the target.
        folder: Its folder.
    """

    def __init__(self, name: str, folder: Path) -> None:
        from .targets import TARGETS, quiet

        self.name, self.folder, self._quiet, self._read = name, folder, quiet, TARGETS[name].read
        opened: set[str] = set()
        listening = [True]
        sys.addaudithook(
            lambda event, args: opened.add(str(args[0])) if listening[0] and event == 'open' and args else None
        )
        self.read()
        listening[0] = False
        files = {path: path.read_bytes() for path in folder.rglob('*') if path.is_file()}
        used = {path: data for path, data in files.items() if str(path) in opened}
        self.files = dict(sorted((used or files).items()))
        self.bases = list(self.files.values())

    def read(self) -> None:
        """Read it as a user would."""
        self._quiet(self._read, self.folder)

    def damaged(self, number: int, seed: int) -> tuple[Path, bytes]:
        """Return the file that input ``number`` damages, and its content."""
        rng = np.random.default_rng([seed, crc32(self.name.encode()), number])
        path = list(self.files)[rng.integers(len(self.files))]
        return path, damage(self.files[path], rng, self.bases)

    def attack(self, attack: Attack) -> tuple[Path, bytes]:
        """Return the file that an attack replaces, and its content."""
        path = next(path for path in self.files if path.match(attack.file))
        return path, attack.make(self.files[path])

    def verdict(self, path: Path, content: bytes, watch: Watch) -> tuple[str, str]:
        """Read the tree with one file's content replaced; return the verdict and its explanation."""
        path.write_bytes(content)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        watch.events()
        watch.on = True
        try:
            self.read()
            kind, said = READ, ''
        except BaseException as error:  # any exception of a reader is a finding
            kind, said = judge(error, path, self.folder)
        finally:
            watch.on = False
            path.write_bytes(self.files[path])
        if (events := watch.events()) or Path(CANARY).exists():
            Path(CANARY).unlink(missing_ok=True)
            return RUN, f'{events} {said}'
        if (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak) << 10 > MEMORY:
            return MEMORY_FAULT, said
        return kind, said


def judge(error: BaseException, path: Path, folder: Path) -> tuple[str, str]:
    """Return the verdict on an exception, and its text.

    Args:
        error: The exception.
        path: The damaged file.
        folder: The tree that it is in.
    """
    chain, link = [], error
    while link is not None and link not in chain:
        chain.append(link)
        link = link.__cause__ or link.__context__
    said = str(error)
    if any(isinstance(one, MemoryError) or 'Failed to allocate' in str(one) for one in chain):
        return MEMORY_FAULT, said
    if not isinstance(error, (ValueError, OSError)) or isinstance(error, UnicodeError) or len(said.splitlines()) > 1:
        return TRACEBACK, ''.join(traceback.format_exception(error))
    if not any(name in said for name in (path.name, str(path), str(folder))):
        return UNNAMED, said
    return REFUSED, said


def work(pipe: Connection, place: str, inputs: list[tuple[str, int]], seed: int) -> None:
    """Read inputs one after another, reporting before and after each.

    Args:
        pipe: Takes (None, '') before an input and (verdict, text) after it; (:data:`UNCLEAN`, text) if the clean tree
            is refused.
        place: Folder with the clean tree of each target, by its name; this process copies them.
        inputs: Names of targets, and numbers of their inputs; from -1 downwards those of :data:`~.attacks.ATTACKS`.
        seed: Seed of the damage.
    """
    with tempfile.TemporaryDirectory(dir=place) as own:
        os.chdir(own)
        os.environ['XDG_CACHE_HOME'] = f'{own}/cache'
        watch, trees = Watch(), {}
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        for name, number in inputs:
            if name not in trees:
                resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
                shutil.copytree(f'{place}/{name}', f'{own}/{name}')
                try:
                    trees = {name: Tree(name, Path(own) / name)}
                except Exception as error:
                    pipe.send((UNCLEAN, str(error)))
                    return
                _limit_memory()
            tree = trees[name]
            path, content = tree.damaged(number, seed) if number >= 0 else tree.attack(ATTACKS[name][-1 - number])
            pipe.send((None, ''))  # timing starts here
            pipe.send(tree.verdict(path, content, watch))


def _limit_memory() -> None:
    """Limit this process to :data:`MEMORY` bytes in addition to its present memory."""
    with open('/proc/self/statm') as file:
        size = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, resource.RLIM_INFINITY))
