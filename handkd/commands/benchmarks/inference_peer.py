"""MediaPipe Hands beside handkd's inference: a process in the environment that has it, asked for times in turns."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from . import mediapipe_peer

HINT = 'python -m venv peers && peers/bin/pip install -r requirements/peers.txt, then --peer-python peers/bin/python'


def find_peer(python: str | None) -> str | None:
    """Return the interpreter that has MediaPipe: the given one, else this one if it has, else None.

    Args:
        python: Path of an interpreter, or None.

    Raises:
        FileNotFoundError: If there is no such interpreter.
    """
    if python is None:
        return sys.executable if importlib.util.find_spec('mediapipe') else None
    if not os.access(python, os.X_OK) or Path(python).is_dir():
        raise FileNotFoundError(f'--peer-python: {python} is no Python interpreter; to make one: {HINT}')
    return python


class Peer:
    """A process that runs MediaPipe Hands; to be closed.

    Args:
        python: The interpreter that has MediaPipe.
        picture: NumPy file of a picture, RGB, uint8, shape (H, W, 3).
        threads: Number of threads of the landmark network by itself.
        cores: Numbers of the CPU cores to run on; None for all.

    Raises:
        ValueError: If MediaPipe does not run there; says how to get it.

    Attributes:
        version: MediaPipe's version.
        steps: What can be measured: of 'static', 'video' and 'network'.
        missing: Step -> why it can't be measured.
        found: Whether MediaPipe finds the hand of the picture; if not only its palm detector runs.
    """

    def __init__(self, python: str, picture: Path, threads: int, cores: Sequence[int] | None) -> None:
        given = dict(picture=str(picture), threads=threads, cores=None if cores is None else list(cores))
        self._python = python
        self._errors = tempfile.TemporaryFile('w+', encoding='utf-8', errors='replace')  # noqa: SIM115 (closed below)
        self._process = subprocess.Popen(
            [python, '-I', mediapipe_peer.__file__, json.dumps(given)],  # without the folder of the script in sys.path
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        facts = self._answer()
        self.version: str = facts['version']
        self.steps: list[str] = facts['steps']
        self.missing: dict[str, str] = facts['missing']
        self.found: bool = facts.get('found', False)

    def seconds(self, step: str, least: float) -> float:
        """Return the seconds of a step, the mean over calls that take a least time together.

        Args:
            step: One of ``steps``.
            least: Seconds.
        """
        self._process.stdin.write(json.dumps([step, least]) + '\n')
        self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        """End the process."""
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
        self._errors.close()

    def _answer(self) -> object:
        line = self._process.stdout.readline()
        if line:
            return json.loads(line)
        self._process.wait()
        self._errors.seek(0)
        last = (self._errors.read().strip().splitlines() or ['it ended without a word'])[-1]
        self.close()
        raise ValueError(f'--peer-python: {self._python} does not run MediaPipe: {last}; to make one: {HINT}')
