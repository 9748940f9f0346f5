"""Runs workers over a target, and detects crashes and hangs."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

from .attacks import ATTACKS
from .worker import READ, REFUSED, work

HANG, CRASH = 'hang', 'crash'
SECONDS = 10.0
"""Maximum time for reading one input."""
_START = 180.0
_LINES = 40


@dataclass
class Findings:
    """Outcome of reading a target's inputs.

    Attributes:
        counts: Verdict -> inputs.
        faults: Number, verdict and text of each input that was neither read nor refused.
        attacks: Name of each attack and its verdict.
    """

    counts: Counter = field(default_factory=Counter)
    faults: list[tuple[int, str, str]] = field(default_factory=list)
    attacks: list[tuple[str, str]] = field(default_factory=list)

    def add(self, name: str, number: int, verdict: str, text: str) -> None:
        """Count a verdict."""
        if number < 0:
            self.attacks.append((ATTACKS[name][-1 - number].name, verdict))
        else:
            self.counts[verdict] += 1
        if verdict not in (READ, REFUSED):
            self.faults.append((number, verdict, '\n'.join(text.splitlines()[-_LINES:])))


def fuzz(inputs: dict[str, Sequence[int]], seed: int, progress: Callable[[], object]) -> dict[str, Findings]:
    """Read inputs of some targets in a separate process, which is restarted when it has died.

    Args:
        inputs: Name of a target -> numbers of its inputs; from -1 downwards its attacks.
        seed: Seed of the damage.
        progress: Called after each input.

    Raises:
        RuntimeError: If a clean tree can't be read, or the process dies before it has read anything.
    """
    from .targets import TARGETS, quiet

    findings = {name: Findings() for name in inputs}
    left = [(name, number) for name, numbers in inputs.items() for number in numbers]
    with tempfile.TemporaryDirectory(prefix='handkd-fuzz-') as place:
        for name in inputs:
            tree = Path(place) / name
            tree.mkdir()
            quiet(TARGETS[name].write, tree)
        while left:
            left = _work_through(place, left, seed, findings, progress)
    return findings


def _work_through(
    place: str, inputs: list, seed: int, findings: dict[str, Findings], progress: Callable[[], object]
) -> list:
    """Let one process read inputs until it has finished or died; return the remaining ones."""
    os.environ.setdefault('OMP_NUM_THREADS', '1')
    context = multiprocessing.get_context('spawn')
    pipe, end = context.Pipe()
    process = context.Process(target=work, args=(end, place, inputs, seed), daemon=True)
    process.start()
    end.close()
    try:
        for done, (name, number) in enumerate(inputs):
            verdict, text = _hear(pipe, _START)
            if verdict is None:
                verdict, text = _hear(pipe, SECONDS)
            else:
                raise RuntimeError(f'{name}: its clean tree was not read ({verdict}): {text}')
            findings[name].add(name, number, verdict, text)
            progress()
            if verdict in (HANG, CRASH):
                return inputs[done + 1 :]
        return []
    finally:
        process.kill()
        process.join()
        pipe.close()


def _hear(pipe: Connection, seconds: float) -> tuple[str | None, str]:
    """Return the message of the process, or HANG or CRASH if it sends none."""
    try:
        return pipe.recv() if pipe.poll(seconds) else (HANG, '')
    except EOFError:
        return CRASH, ''
