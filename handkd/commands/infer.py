"""Find the hands in images and videos: draw them, and write their joints.

handkd infer photo.jpg [clip.mp4 folder 'glob/*.jpg' webcam:0] --json OUT.jsonl --out-dir DIR
handkd infer group.jpg --detector mediapipe|hands.onnx
handkd infer crop.png --box full|x,y,w,h [--side left|right] [--hand-scale MM]
handkd infer photo.jpg --model student.onnx
handkd infer photo.jpg --model configs/nvs/... --checkpoint ... --camera FX,FY,CX,CY --root U,V,Z --box x,y,w,h

The network sees the crop of its config's test pipeline. One trained on metric cubes (configs/nvs) needs the
camera, and the pixel and depth of the middle finger's base with the hand's box or scale, or box and scale. An exported
network (handkd export) runs without torch.

A network that reads depth (a depth teacher, configs/weakseg/inception_*) takes 16-bit PNGs of one channel, in counts
of --depth-unit mm, and needs --camera. The nearest hand is located in the depth, in --box if given, or at --root U,V,Z.

One JSON line per image or frame (docs/inference.md): "file", "frame" and "time" in a video, "width", "height", and
"hands", each with "keypoints" (21, 2) in px of the image, "keypoints_3d" (21, 3), relative to its joint "root", camera
axes (x right, y down, z forward), in "unit": mm, or hand_scale (length 1 of the codec's scale_bone) without
--hand-scale; "side" with "side_source"; and "box". Without --detector each image has one hand, and the line has its
keys, too. Unusable images are reported and left out; the exit status is then 1. An image without a hand has a line with
no hands. Each line is written as soon as it is computed; a cancelled video is readable up to there.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import chain, islice

import numpy as np
from tqdm import tqdm

from handkd.apis.cli import prepare_file, prepare_work_dir
from handkd.hand import SIDES
from handkd.inference.inferencer import HandInferencer
from handkd.inference.outputs import LinesWriter
from handkd.inference.records import to_json
from handkd.inference.sources import open_source


def main(argv: list[str] | None = None) -> int:
    """Parse the arguments and run; return 1 if an image could not be used."""
    args = parse_args(argv)
    if args.out_dir:
        prepare_work_dir(args.out_dir, option='--out-dir')
    if args.json:
        prepare_file(args.json, '--json')
    if args.detector is not None and args.box is not None:
        raise ValueError('--box and --detector both say where the hands are: give one of them')
    infer = HandInferencer(args.model, args.checkpoint, args.device, args.detector or 'full')
    records = infer(
        args.images,
        args.box,
        args.side,
        args.hand_scale,
        args.camera,
        args.root,
        args.depth_unit,
        args.batch_size,
        args.smooth,
        vis_out_dir=args.out_dir,
        show=args.show,
    )
    written = Written(args)
    with _sigterm_like_ctrl_c(), closing(records), tqdm(total=count_frames(args.images), desc='images', delay=1) as bar:
        first = list(islice(records, 1))  # an option that the network can't use replaces no file
        with written.open():
            for record in chain(first, records):
                written.add(record)
                bar.update()
    return written.report()


@contextmanager
def _sigterm_like_ctrl_c() -> Iterator[None]:
    """Let SIGTERM, as of ``timeout`` and ``docker stop``, end a video as Ctrl-C does: complete up to that frame."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class Written:
    """What was written and could not be used, for the lines and the messages of the tool.

    Args:
        args: The command line.
    """

    def __init__(self, args: argparse.Namespace) -> None:
        self._args, self._writer = args, None
        self._one_hand = args.detector is None
        self._drawn: set[tuple[str | None, bool]] = set()
        self._images = self._failed = 0

    @contextmanager
    def open(self) -> Iterator[None]:
        """Open the file of the lines, and close it at any end of the program."""
        if self._args.json is None:
            yield
            return
        self._writer = LinesWriter(self._args.json)
        try:
            yield
        finally:
            self._writer.close()

    def add(self, record: dict) -> None:
        """Write a record's line, or its error."""
        self._images += 1
        if record['error'] is not None:
            self._failed += 1
            tqdm.write(f'error: {record["error"]}', file=sys.stderr)  # above the progress bar, and not in its line
            if not record['hands']:
                return
        file = None if record['file'] is None else os.path.realpath(record['file'])
        self._drawn.add((file, record['time'] is not None))
        if self._one_hand:
            record = record | record['hands'][0]
        if self._writer is not None:
            self._writer.write(to_json(record))
        elif not self._args.out_dir and not self._args.show:
            tqdm.write(to_json(record))
            sys.stdout.flush()

    def report(self) -> int:
        """Print what was written and how much could not be used; return the exit status."""
        said = []
        for video, word in ((False, 'picture'), (True, 'video')):
            number = sum(one == video for _, one in self._drawn)
            if self._args.out_dir and (number or (not video and not self._drawn)):
                said.append(f'{_counted(number, word)} in {self._args.out_dir}')
        if self._writer is not None:
            said.append(f'{_counted(self._writer.count, "line")} in {self._args.json}')
        if said:
            print(', '.join(said))
        if self._failed:
            print(f'{self._failed} of {self._images} images could not be used', file=sys.stderr)
        return 1 if self._failed else 0


def count_frames(images: Sequence[str]) -> int | None:
    """Return the number of images and frames, as far as headers tell; None if one does not."""
    total = 0
    for image in images:
        try:
            number = open_source(image).count
        except (OSError, ValueError):  # reported where it is read
            number = 1
        if number is None:
            return None
        total += number
    return total


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        'images', nargs='+', metavar='IMAGE', help='image, video, folder of images, pattern in quotes, URL, webcam:0'
    )
    parser.add_argument(
        '--model',
        '--config',
        help='student of the zoo, such as photo, ONNX file of an exported network, work dir, or config with '
        "--checkpoint; default: photo if it is in the zoo, else the demo's student",
    )
    parser.add_argument('--checkpoint', help='weights of the config')
    parser.add_argument(
        '--box', type=parse_box, help="the hand's box in px, x,y,w,h, in every image; or full, images are crops"
    )
    parser.add_argument(
        '--detector',
        help='finds several hands of both sides in whole images: mediapipe, or an ONNX file; default: none, --box',
    )
    parser.add_argument('--batch-size', type=int, default=1, help='images that go through the network together')
    parser.add_argument(
        '--side', choices=SIDES, help='left or right hand; default: by the detector, or estimated from the pose'
    )
    parser.add_argument(
        '--hand-scale',
        type=float,
        metavar='MM',
        help="length of the codec's scale bone; of configs/pmd the distance from the wrist to the middle finger's base",
    )
    parser.add_argument(
        '--camera', type=parse_camera, metavar='FX,FY,CX,CY', help='intrinsics in px, for pixels in true perspective'
    )
    parser.add_argument(
        '--root',
        type=parse_root,
        metavar='U,V[,Z]',
        help='joint that the crop is centred on: its pixel for configs/pi, its pixel and depth in mm for configs/nvs '
        'and for depth images',
    )
    parser.add_argument('--depth-unit', type=float, metavar='MM', help='unit of depth images in mm; default: 1')
    parser.add_argument('--device', help='cpu, cuda, cuda:1, ...; default: the GPU if there is one')
    parser.add_argument('--json', metavar='JSONL', help='file for one JSON line per image; default: print them')
    parser.add_argument('--out-dir', help='folder for a picture per image, and a video per video')
    parser.add_argument('--smooth', action='store_true', help='smooth the joints over the frames of a video')
    parser.add_argument('--show', action='store_true', help='show each picture in a window')
    return parser.parse_args(argv)


def parse_box(text: str) -> str | tuple[float, ...]:
    """Read 'full' or 'x,y,w,h'."""
    return text if text == 'full' else _numbers(text, 'full, or x,y,w,h in px')


def parse_camera(text: str) -> np.ndarray:
    """Read 'fx,fy,cx,cy' into intrinsics K, shape (3, 3), px."""
    fx, fy, cx, cy = _numbers(text, 'fx,fy,cx,cy in px')
    if fx <= 0 or fy <= 0:
        raise argparse.ArgumentTypeError(f'focal lengths must be positive, found {text!r}')
    return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])


def parse_root(text: str) -> tuple[float, ...]:
    """Read 'u,v' or 'u,v,z'."""
    return _numbers(text, 'u,v in px, or u,v,z in px and mm', (2, 3))


def _numbers(text: str, expected: str, counts: tuple[int, ...] = (4,)) -> tuple[float, ...]:
    try:
        values = tuple(float(part) for part in text.split(','))
    except ValueError:
        values = ()
    if len(values) not in counts or not np.isfinite(values).all():
        raise argparse.ArgumentTypeError(f'expected {expected}, found {text!r}')
    return values


def _counted(number: int, word: str) -> str:
    return f'{number} {word}' if number == 1 else f'{number} {word}s'
