"""Time of inference beside its network alone, and beside MediaPipe Hands; its memory; and the speed of drawing.

handkd benchmark infer                    a student with random weights
handkd benchmark infer student.onnx       an exported one, without the rows of torch
handkd benchmark infer CONFIG CHECKPOINT --peer-python peers/bin/python

MediaPipe Hands is measured where `mediapipe` can be imported, or in an environment of its own, since its pins clash:
    python -m venv peers && peers/bin/pip install -r requirements/peers.txt
(mediapipe up to 0.10.21: later wheels contain neither its solutions nor a model). It is not given the hand's box, as
its API has no such argument: 'static picture' finds the palm first, 'video' takes the place from the frame before.

All rows of a number of threads are measured in turns, on that number of cores where the system allows to choose them:
every round measures each row once, as the mean of calls of 30 ms or more after one that does not count. Times are
medians over the rounds, ratios medians of the ratios within each round, +- half of the range of their middle half.
'network' is from uint8 crops to joints, with normalisation and decoding; 'end to end' from pictures of 640 x 480 px
with the hand's box to lines of JSON, through HandInferencer.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import cv2
import numpy as np
import torch

from handkd.inference import HandInferencer, OnnxNetwork
from handkd.inference.drawing import draw_frame, draw_hands

from .inference_memory import measure_memory
from .inference_models import HEIGHT, WIDTH, Scene, Subject, make_scene, network_steps, open_subject, whole_steps
from .inference_peer import HINT, Peer, find_peer
from .mediapipe_peer import seconds_of

RUNTIMES = {
    'eager': 'torch eager',
    'compiled': 'torch compiled',
    'fp32': 'ONNX Runtime fp32',
    'fp16': 'ONNX Runtime fp16 weights',
    'int8': 'ONNX Runtime int8',
}
PEER = {
    'network': "MediaPipe's landmark network",
    'static': "MediaPipe's API, static picture",
    'video': "MediaPipe's API, video",
}
LEAST = 0.03
"""Seconds of one measurement, at least."""
GOALS = {'peer': 0.25, 'share': 1.15, 'memory': 300.0, 'drawing': 200.0}

Measure = Callable[[], float]
Row = tuple[int, str]
"""Batch, and what is measured."""


@dataclass(frozen=True)
class Times:
    """Seconds per picture of each row, one number per round.

    Attributes:
        seconds: Row -> numbers.
    """

    seconds: dict[Row, list[float]]

    def ms(self, row: Row) -> float:
        """Return the median in ms per picture."""
        return 1e3 * median(self.seconds[row])

    def ratio(self, row: Row, base: Row) -> tuple[float, float] | None:
        """Return the median of the ratios to a base, and half the range of the middle half; None without the base."""
        if base not in self.seconds or row not in self.seconds:
            return None
        ratios = np.divide(self.seconds[row], self.seconds[base])
        low, high = np.percentile(ratios, [25, 75])
        return float(np.median(ratios)), float(high - low) / 2


def run(argv: list[str] | None = None) -> None:
    """Print the times, ratios, memory and speed of drawing, and the goals.

    Args:
        argv: Command line without the program's name; None reads ``sys.argv``.
    """
    args = parse_args(argv)
    python = find_peer(args.peer_python)
    goals: dict[str, tuple[float, bool]] = {}
    with tempfile.TemporaryDirectory() as name, settings_kept():
        folder = Path(name)
        scene = make_scene(folder)
        smaller = [precision for precision in ('int8', 'fp16') if precision in args.runtimes]
        subject, weights = open_subject(args.model, args.checkpoint, smaller, folder)
        print(
            f'{subject.metadata.name}, {weights}; crops of {subject.crop.size} px, picture of {WIDTH} x {HEIGHT} px '
            f'with a hand of {scene.box[2]:.0f} x {scene.box[3]:.0f} px'
        )
        print(f'{args.repeat} rounds; load average {load()} on {len(allowed_cores())} cores before')
        for threads in args.threads:
            times = measure_threads(subject, scene, threads, python, args)
            if times is not None:
                goals |= reached(times, threads)
        print_memory(subject, scene, args.batches, goals)
        print_drawing(subject, scene, args.repeat, goals)
    print(f'load average {load()} after: a load of other programs makes all figures uncertain\n')
    print_goals(goals)


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        prog='handkd benchmark infer', description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('model', nargs='?', metavar='MODEL', help='student.onnx, or a config; default: random weights')
    parser.add_argument('checkpoint', nargs='?', metavar='CHECKPOINT', help='weights of the config')
    parser.add_argument('--peer-python', metavar='PYTHON', help='interpreter of an environment with mediapipe')
    parser.add_argument('--repeat', type=int, default=15, metavar='N', help='rounds')
    parser.add_argument('--batches', type=int, nargs='+', default=[1, 32], metavar='N', help='pictures at a time')
    parser.add_argument('--threads', type=int, nargs='+', default=[1, 2], metavar='N')
    parser.add_argument('--runtimes', nargs='+', default=list(RUNTIMES), choices=RUNTIMES, help='fp32 always is')
    args = parser.parse_args(argv)
    for option in ('repeat', 'batches', 'threads'):
        if min(np.atleast_1d(getattr(args, option))) < 1:
            parser.error(f'--{option} must be at least 1')
    args.runtimes = [name for name in RUNTIMES if name in args.runtimes or name == 'fp32']
    return args


def measure_threads(
    subject: Subject, scene: Scene, threads: int, python: str | None, args: argparse.Namespace
) -> Times | None:
    """Measure and print all rows at a number of threads; None if there are not as many cores."""
    if threads > len(allowed_cores()):
        print(f'\n{threads} threads: not measured, there are {len(allowed_cores())} cores')
        return None
    cores = use_cores(threads)
    print(f'\n{threads} {"thread" if threads == 1 else "threads"}' + f' on cores {cores}' * (cores is not None))
    measures, missing = {}, {}
    for batch in args.batches:
        found, gone = network_steps(subject, scene, batch, threads, args.runtimes)
        whole = whole_steps(subject, scene, batch, threads, args.runtimes)
        steps = {f'network: {RUNTIMES[name]}': step for name, step in found.items()}
        steps |= {f'end to end: {name}': step for name, step in whole.items()}
        measures |= {(batch, name): per_picture(step, batch) for name, step in steps.items()}
        missing |= {RUNTIMES[name]: reason for name, reason in gone.items()}
    with beside(python, scene, threads, cores) as peer:
        if peer is not None:
            measures |= {(1, PEER[step]): partial(peer.seconds, step, LEAST) for step in peer.steps}
            missing |= {PEER[step]: reason for step, reason in peer.missing.items()}
        times = Times(in_turns(measures, args.repeat))
    print_times(times)
    for name, reason in missing.items():
        print(f'{name}: not measured: {reason}')
    return times


def per_picture(step: Callable[[], object], batch: int) -> Measure:
    """Return the measurement of a step in seconds per picture."""
    return lambda: seconds_of(step, LEAST) / batch


def in_turns(measures: dict[Row, Measure], rounds: int) -> dict[Row, list[float]]:
    """Return the results of measurements, one number per round, after a round that does not count."""
    found: dict[Row, list[float]] = {row: [] for row in measures}
    for turn in range(rounds + 1):
        for row, measure in measures.items():
            value = measure()
            if turn:
                found[row].append(value)
    return found


@contextmanager
def beside(python: str | None, scene: Scene, threads: int, cores: Sequence[int] | None) -> Iterator[Peer | None]:
    """Yield MediaPipe for the block, or None where it is missing, which is printed."""
    if python is None:
        print(f'MediaPipe: not measured, it is not installed: {HINT}')
        yield None
        return
    peer = Peer(python, scene.rgb, threads, cores)
    try:
        found = 'finds the hand' if peer.found else 'finds no hand here, so its API runs the palm detector alone'
        print(f'MediaPipe {peer.version} {found}')
        yield peer
    finally:
        peer.close()


def print_times(times: Times) -> None:
    """Print one line per row: ms per picture, and the ratios to the network in ONNX Runtime and to MediaPipe."""
    print(f'{"batch":>5s}  {"":42s}{"ms/picture":>11s}{"x ONNX fp32":>18s}{"x MediaPipe API":>18s}')
    for batch, name in times.seconds:
        ratios = [times.ratio((batch, name), base) for base in bases(batch)]
        print(f'{batch:5d}  {name:42s}{times.ms((batch, name)):11.3f}' + ''.join(map(cell, ratios)))


def bases(batch: int) -> tuple[Row, Row]:
    """Return the rows that the others of a batch are compared with: the network alone, and MediaPipe's API."""
    return (batch, f'network: {RUNTIMES["fp32"]}'), (1, PEER['static'])


def cell(ratio: tuple[float, float] | None) -> str:
    """Return a ratio with its uncertainty as a cell of the table."""
    return f'{"-":>18s}' if ratio is None else f'{ratio[0]:10.3f} +-{ratio[1]:6.3f}'


def reached(times: Times, threads: int) -> dict[str, tuple[float, bool]]:
    """Return line -> value of the goals that times have, and whether it is reached."""
    found = {}
    for batch in sorted({batch for batch, _ in times.seconds}):
        whole = (batch, 'end to end: array, fp32')
        ratios = [times.ratio(whole, base) for base in bases(batch)]
        at = f'batch {batch}, {threads} thread{"s" * (threads > 1)}'
        if batch > 1 and ratios[0] is not None:
            key = f'end to end / network in ONNX Runtime, {at} (at most {GOALS["share"]:.2f} at 32)'
            found[key] = (ratios[0][0], ratios[0][0] <= GOALS['share'])
        if ratios[1] is not None:
            key = f"end to end / MediaPipe's API, static picture, {at} (at most {GOALS['peer']:.2f})"
            found[key] = (ratios[1][0], ratios[1][0] <= GOALS['peer'])
    return found


def print_memory(subject: Subject, scene: Scene, batches: Sequence[int], goals: dict[str, tuple[float, bool]]) -> None:
    """Print the peak memory of processes that infer from a JPEG file, and add it to the goals."""
    print()
    for batch in batches:
        memory = measure_memory(subject.files['fp32'], scene, batch)
        if memory is None:
            print('peak memory: not measured, needs /proc of Linux')
            return
        print(
            f'peak memory, batch {batch}: {memory.peak:.0f} MiB resident, {memory.opened:.0f} MiB with the network '
            f'opened; imports {", ".join(memory.packages)}'
        )
        goals[f'MiB of a process that infers, batch {batch} (at most {GOALS["memory"]:.0f})'] = (
            memory.peak,
            memory.peak <= GOALS['memory'],
        )


def print_drawing(subject: Subject, scene: Scene, repeat: int, goals: dict[str, tuple[float, bool]]) -> None:
    """Print the pictures drawn per second on one core, and add the slower number to the goals."""
    use_cores(1)
    hand = HandInferencer(OnnxNetwork(subject.files['fp32'], 1)).one(scene.pixels, box=scene.box)
    drawn = {'overlay': partial(draw_hands, scene.pixels, [hand])}
    if hand['keypoints_3d'] is not None:
        drawn['overlay and two 3D views'] = partial(draw_frame, scene.pixels, [hand])
    measures = {(1, name): per_picture(step, 1) for name, step in drawn.items()}
    times = Times(in_turns(measures, repeat))
    for _, name in measures:
        rate = 1e3 / times.ms((1, name))
        print(f'drawing, one core: {rate:.0f} frames/s, {name}')
        goals[f'frames/s drawn, {name} (at least {GOALS["drawing"]:.0f})'] = (rate, rate >= GOALS['drawing'])


def print_goals(goals: dict[str, tuple[float, bool]]) -> None:
    """Print each goal with its value."""
    for line, (value, fine) in goals.items():
        print(f'{value:9.3f}  {"reached    " if fine else "not reached"}  {line}')


def load() -> str:
    """Return the load average of the last minute."""
    return f'{os.getloadavg()[0]:.1f}' if hasattr(os, 'getloadavg') else 'unknown'


def allowed_cores() -> list[int]:
    """Return the numbers of the cores that this process may run on."""
    return _CORES if _CORES is not None else list(range(os.cpu_count() or 1))


_CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else None


def use_cores(number: int) -> list[int] | None:
    """Restrict this process to a number of cores and threads; return the cores, None where they can't be chosen."""
    cores = None if _CORES is None else _CORES[:number]
    if cores is not None:
        os.sched_setaffinity(0, cores)
    torch.set_num_threads(number)
    cv2.setNumThreads(number)
    return cores


@contextmanager
def settings_kept() -> Iterator[None]:
    """Restore cores and threads at the end of the block."""
    threads, in_cv2 = torch.get_num_threads(), cv2.getNumThreads()
    try:
        yield
    finally:
        if _CORES is not None:
            os.sched_setaffinity(0, _CORES)
        torch.set_num_threads(threads)
        cv2.setNumThreads(in_cv2)
