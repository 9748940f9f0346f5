"""Cost of reading hundreds of thousands of small label files once: time, memory, and continuing after a kill.

A tree of DexYCB is generated: one subject with 100 sequences in eight cameras, so --frames 63 are 50,400 label files.
Photographs and depth maps are links to one file each. Its reader then opens it in fresh processes: until it is killed,
to the end, and again. Memory is that of all processes together, with shared pages counted once. Time and index are
enlarged in proportion to the 582,000 files of the real set; memory grows by about three times the index.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from handkd.files import cache_root

FILES = 582_000
"""Label files of the real set."""
_SERIALS = ('836212060125', '839512060362', '840412060917', '841412060263', '932122060857', '932122060861',
            '932122061900', '932122062010')  # fmt: skip
_COLUMNS = ('files', 'killed at', 'time', 'reopen', 'memory', 'index')
_RIG = '20200702_151821'
_OPEN = """
import sys, time
import handkd
from handkd.datasets import DexYCBDataset
print('imported', flush=True)
begin = time.perf_counter()
dataset = DexYCBDataset(sys.argv[1], 'train', setup='s1', subjects=(1,), visibility=sys.argv[2])
size = sum(column.nbytes for column in dataset.index.values())
print(len(dataset), time.perf_counter() - begin, size, flush=True)
"""


def run(argv: list[str] | None = None) -> None:
    """Print the table.

    Args:
        argv: Command line without the program's name; None reads ``sys.argv``.
    """
    parser = argparse.ArgumentParser(prog='handkd benchmark labels', description=__doc__)
    parser.add_argument('--frames', type=int, default=63, help='frames of each of the 800 recordings')
    parser.add_argument('--visibility', nargs='+', default=['inside', 'seg', 'depth'], help="the reader's argument")
    parser.add_argument('--kill-after', type=float, default=5.0, help='seconds until the first process is killed')
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        count = write_tree(Path(folder) / 'dex-ycb', args.frames)
        print(f'{"visibility":12s}' + ''.join(f'{name:>11s}' for name in _COLUMNS))
        for visibility in args.visibility:
            os.environ['XDG_CACHE_HOME'] = f'{folder}/cache_{visibility}'  # inherited by the fresh processes
            _, _, done = open_in_process(f'{folder}/dex-ycb', visibility, args.kill_after)
            (samples, seconds, size), memory, _ = open_in_process(f'{folder}/dex-ycb', visibility)
            (_, again, _), _, _ = open_in_process(f'{folder}/dex-ycb', visibility)
            if samples != count:
                raise ValueError(f'{samples} samples were read, expected {count}')
            seconds += args.kill_after
            grow, megabytes = FILES / count, size / 2**20
            rows = [
                (
                    visibility,
                    f'{count:,d}',
                    f'{done} kB',
                    f'{seconds:.1f} s',
                    f'{again:.2f} s',
                    f'{memory >> 20} MB',
                    megabytes,
                ),
                ('  enlarged', f'{FILES:,d}', '', f'{grow * seconds:.0f} s', '', '', grow * megabytes),
            ]
            for first, *cells, index in rows:
                print(f'{first:12s}' + ''.join(f'{cell:>11s}' for cell in (*cells, f'{index:.0f} MB')), flush=True)


def write_tree(root: Path, frames: int) -> int:
    """Write the tree and return the number of its label files."""
    rng = np.random.default_rng(0)
    scene = 900 + 200 * np.sin(np.arange(640) / 90) + 150 * np.cos(np.arange(480) / 70)[:, None]
    depth = (scene + rng.normal(0, 3, (480, 640))).astype(np.uint16)
    images = {'color_{:06d}.jpg': np.zeros((480, 640, 3), np.uint8), 'aligned_depth_to_color_{:06d}.png': depth}
    root.mkdir(parents=True)
    for name, image in images.items():
        cv2.imwrite(str(root / name), image)
    _write_calibration(root / 'calibration')
    labels = [_labels(root / 'labels.npz', rng) for _ in range(20)]
    count = 0
    for place in range(100):
        sequence = root / f'20200709-subject-01/20200709_{100000 + place}'
        for serial in _SERIALS:
            (sequence / serial).mkdir(parents=True)
            for frame in range(frames):
                (sequence / serial / f'labels_{frame:06d}.npz').write_bytes(labels[count % len(labels)])
                for name in images:
                    os.link(root / name, sequence / serial / name.format(frame))
                count += 1
        (sequence / 'meta.yml').write_text(
            f"extrinsics: '{_RIG}'\nmano_sides:\n- right\nnum_frames: {frames}\nycb_ids:\n- 2\n"
        )
    return count


def _write_calibration(folder: Path) -> None:
    """Write intrinsics, and a rig whose cameras are all in one place."""
    pose = [1.0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0]
    (folder / 'intrinsics').mkdir(parents=True)
    (folder / f'extrinsics_{_RIG}').mkdir()
    for serial in _SERIALS:
        text = 'color: {fx: 615.0, fy: 615.0, ppx: 320.0, ppy: 240.0}\n'
        (folder / f'intrinsics/{serial}_640x480.yml').write_text(text)
    rows = ''.join(f"  '{serial}': {pose}\n" for serial in _SERIALS)
    (folder / f'extrinsics_{_RIG}/extrinsics.yml').write_text(f'extrinsics:\n{rows}')


def _labels(path: Path, rng: np.random.Generator) -> bytes:
    """Return the bytes of a label file, whose segmentation has outlines as rough as real ones."""
    seg, center = np.zeros((480, 640), np.uint8), rng.integers(200, 280, 2)
    for value in (2, 5, 11, 255):
        outline = center + rng.integers(-90, 90, 2) + rng.normal(0, 40, (60, 2)).cumsum(0) / 8
        cv2.fillPoly(seg, [outline.astype(np.int32)], value)
    joints = (rng.normal(0, 0.03, (1, 21, 3)) + (0, 0, 0.8)).astype(np.float32)
    pixels = joints[..., :2] / joints[..., 2:] * 615 + (320, 240)
    pose = {'pose_y': np.zeros((4, 3, 4), np.float32), 'pose_m': rng.normal(size=(1, 51)).astype(np.float32)}
    np.savez_compressed(path, seg=seg, joint_3d=joints, joint_2d=pixels.astype(np.float32), **pose)
    return path.read_bytes()


def open_in_process(
    root: str, visibility: str, kill_after: float | None = None
) -> tuple[tuple[int, float, int] | None, int, int]:
    """Open the data set in a fresh process.

    Args:
        root: The tree.
        visibility: Argument of the reader.
        kill_after: Seconds until the process is killed. Defaults to None: it is not.

    Returns:
        Samples, seconds and bytes of the index, None if it was killed; the largest memory of all processes in bytes;
        and the size of the finished pieces when it was killed, kB.
    """
    command = [sys.executable, '-c', _OPEN, root, visibility]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        begin, memory = time.perf_counter(), 0
        while process.poll() is None:
            memory = max(memory, proportional_memory(process.pid))
            if kill_after is not None and time.perf_counter() - begin > kill_after:
                process.send_signal(signal.SIGKILL)
                process.wait()
                pieces = cache_root() / 'scans'
                return None, memory, sum(path.stat().st_size for path in pieces.rglob('*.npz')) >> 10
            time.sleep(0.1)
        samples, seconds, size = process.stdout.readline().split()
    return (int(samples), float(seconds), int(size)), memory, 0


def proportional_memory(pid: int) -> int:
    """Return the memory of a process and its children in bytes, shared pages divided among them (Linux)."""
    total, pending = 0, [pid]
    while pending:
        pid = pending.pop()
        try:
            pending += map(int, Path(f'/proc/{pid}/task/{pid}/children').read_text().split())
            rows = Path(f'/proc/{pid}/smaps_rollup').read_text().splitlines()
        except OSError:  # it has ended
            continue
        total += sum(1024 * int(row.split()[1]) for row in rows if row.startswith('Pss:'))
    return total
