"""Estimate the hand in images: draw it, and write its joints.

python tools/infer.py IMAGE... [--box full|x,y,w,h] [--side left|right] [--hand-scale MM] --json OUT.jsonl --out-dir DIR
python tools/infer.py IMAGE... --config configs/nvs/... --checkpoint ... --camera FX,FY,CX,CY --root U,V,Z --box x,y,w,h

The network sees the crop of its config's test pipeline. One trained on metric cubes (configs/nvs) needs the
camera, and the pixel and depth of the middle finger's base with the hand's box or scale, or box and scale.

A network that reads depth (a depth teacher, configs/weakseg/inception_*) takes 16-bit PNGs of one channel, in counts
of --depth-unit mm, and needs --camera. The nearest hand is located in the depth, in --box if given, or at --root U,V,Z.

One JSON line per image: "file"; "keypoints" (21, 2) in px of the image, derived from the box; "keypoints_3d" (21, 3),
relative to joint 0, camera axes (x right, y down, z forward), in "unit": mm, or hand_scale (length 1 of the
codec's scale_bone) without --hand-scale; "side", with "side_source" (given or estimated) and "side_confidence";
"box" (x, y, width, height; null if only the root is known); "hand_center" (3,), mm, camera frame, the centre of the
depth cube (null without depth); "keypoints_cam" (21, 3), mm, camera frame, of a network that predicts joints in
that cube, and of a 2.5D network (configs/ekd) with --camera (null of others). Networks for 2D and 2.5D joints predict
"keypoints" directly; for 2D "keypoints_3d" and "unit" are null, and so is "side" without --side. Unusable images
are reported and left out; the exit status is then 1. Each line is written as soon as it is computed.
"""

from __future__ import annotations

import argparse
import errno
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from handkd.apis.cli import prepare_file, prepare_work_dir
from handkd.apis.inference_images import InferenceImage
from handkd.apis.inferencer import HandInferencer
from handkd.hand import NUM_JOINTS, SIDES
from handkd.reading import reading
from handkd.visualization import (
    contact_sheet,
    depth_picture,
    draw_points,
    draw_skeleton,
    draw_skeleton_3d,
    point_colors,
    write_picture,
)

ROOT = Path(__file__).resolve().parents[2]
DEMO_CONFIG = ROOT / 'configs/pmd/demo.py'
DEMO_RUN = 'work_dirs/demo/student'
"""Folder of `make demo`'s student, relative to the repository's root."""
DEPTH_SHOWN = 150.0
"""Range of the drawn depth in front of the hand's centre and behind, mm."""
SUFFIXES = ('.jpg', '.jpeg', '.mpo', '.png', '.webp', '.tif', '.tiff', '.bmp')
"""Suffixes of image files in a folder."""
LONGEST_NAME = 200
"""Longest name of a picture in bytes, so that it stays below the 255 of most file systems."""


def main(argv: list[str] | None = None) -> int:
    """Parse the arguments and run; return 1 if an image could not be used."""
    args = parse_args(argv)
    images = find_images(args.images)
    config, checkpoint = choose_model(args.config, args.checkpoint)
    if args.out_dir:
        prepare_work_dir(args.out_dir, option='--out-dir')
    if args.json:
        prepare_file(args.json, '--json')
    infer = HandInferencer(config, checkpoint, args.device)
    failed, lines, drawn = 0, 0, set()
    pictures = picture_names(images)
    with lines_writer(args.json, show=not args.out_dir) as write_line:
        for image in tqdm(images, desc='images', disable=len(images) < 4):
            try:
                picture = infer.read(image, args.depth_unit)
                (hand,) = infer(picture, args.box, args.side, args.hand_scale, args.camera, args.root)
            except (OSError, ValueError) as error:
                failed += 1
                tqdm.write(f'error: {error}', file=sys.stderr)  # above the progress bar, and not in its line
                continue
            write_line(json.dumps(to_record(hand)))
            lines += 1
            if args.out_dir:
                drawing = draw_hand(show_image(picture, hand), hand)
                write_picture(Path(args.out_dir) / pictures[image], drawing)
                drawn.add(pictures[image])
    written = [f'{_counted(len(drawn), "picture")} in {args.out_dir}'] if args.out_dir else []
    written += [f'{_counted(lines, "line")} in {args.json}'] if args.json else []
    if written:
        print(', '.join(written))
    if failed:
        print(f'{failed} of {len(images)} images could not be used', file=sys.stderr)
    return 1 if failed else 0


@contextmanager
def lines_writer(path: str | None, show: bool) -> Iterator[Callable[[str], None]]:
    """Yield a function that writes a line at once, so that earlier lines survive any end of the program.

    Args:
        path: File of the lines; None prints them.
        show: Whether they are printed without a file.

    Raises:
        OSError: If a line can't be written; names the file.
    """
    if path is None:
        yield _print_line if show else lambda line: None
        return
    with open(path, 'wb', buffering=0) as file:

        def write_line(line: str) -> None:
            data = line.encode() + b'\n'
            with reading(path):  # a full disk names no file
                if file.write(data) < len(data):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        yield write_line


def _print_line(line: str) -> None:
    tqdm.write(line)  # above the progress bar
    sys.stdout.flush()


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('images', nargs='+', metavar='IMAGE', help='path of an image, or of a folder of images')
    parser.add_argument('--config', help="config of the network; default: the demo's")
    parser.add_argument('--checkpoint', help="its weights; default: those of the demo's student")
    parser.add_argument(
        '--box',
        type=parse_box,
        default='full',
        help="the hand's box in px, x,y,w,h; default: full, the image is a crop",
    )
    parser.add_argument('--side', choices=SIDES, help='left or right hand; default: estimated from the pose')
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
    parser.add_argument('--out-dir', help='folder for drawings, one per image')
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


def choose_model(config: str | None, checkpoint: str | None) -> tuple[str | Path, str | Path]:
    """Return the config and the checkpoint to use: the given ones, or those of the demo's student.

    Raises:
        ValueError: If only one of them is given.
        FileNotFoundError: If the demo was not run.
    """
    if (config is None) != (checkpoint is None):
        raise ValueError('--config and --checkpoint must be given together: a checkpoint belongs to its config')
    if config is not None:
        return config, checkpoint
    from handkd.apis.resuming import latest_checkpoint  # imports all that training needs

    trained = latest_checkpoint(ROOT / DEMO_RUN)
    if trained is None:
        raise FileNotFoundError(
            f'found no trained network in {ROOT / DEMO_RUN}: train one with `make demo`, '
            'or give yours with --config and --checkpoint'
        )
    return DEMO_CONFIG, trained


def find_images(paths: list[str]) -> list[str]:
    """Replace each folder by its image files, sorted by name; other paths stay as they are.

    Raises:
        ValueError: If a folder has none; names the suffixes.
    """
    found = []
    for path in paths:
        if not Path(path).is_dir():
            found.append(path)
            continue
        inside = sorted(str(file) for file in Path(path).iterdir() if file.suffix.lower() in SUFFIXES)
        if not inside:
            raise ValueError(f'{path}: found no image in the folder; expected files with suffix {", ".join(SUFFIXES)}')
        found += inside
    return found


def picture_names(images: list[str]) -> dict[str, str]:
    """Name each image's picture after it.

    If images of different formats share a stem, the format is part of the name; if two still share a name, their
    folders' names are prepended, and finally a number. No name contains a folder, so that all are inside --out-dir.

    Args:
        images: Paths; the same file may be named twice, and in different ways.

    Returns:
        Image, as given -> file name.
    """
    paths = {image: Path(os.path.realpath(image)) for image in images}  # Path.resolve raises for a loop of links
    formats: dict[str, set[str]] = {}
    for path in paths.values():
        formats.setdefault(path.stem.lower(), set()).add(path.suffix.lower())
    names: dict[Path, str] = {}
    for path in paths.values():
        if path not in names:
            last = path.stem if len(formats[path.stem.lower()]) == 1 else f'{path.stem}_{path.suffix[1:]}'
            taken = {name.lower() for name in names.values()}  # some file systems ignore case
            candidates = (name for name in _candidates(path, last) if name.lower() not in taken)
            names[path] = next(candidates)
    return {image: names[path] for image, path in paths.items()}


def _candidates(path: Path, last: str) -> Iterator[str]:
    """File names for an image's picture, shorter ones first, without end."""
    folders = path.parts[1:-1]  # without the root, which would make the path absolute
    for k in range(len(folders) + 1):
        name = '_'.join((*folders[len(folders) - k :], last))
        if len(name.encode()) <= LONGEST_NAME:
            yield f'{name}_hand.png'
    for number in count(2):
        yield f'{last}_{number}_hand.png'


def _counted(number: int, word: str) -> str:
    return f'{number} {word}' if number == 1 else f'{number} {word}s'


def to_record(hand: dict) -> dict:
    """Convert a result of :class:`HandInferencer` to JSON types."""
    return {key: np.round(v, 4).tolist() if isinstance(v, np.ndarray) else v for key, v in hand.items()}


def show_image(image: InferenceImage, hand: dict) -> np.ndarray:
    """Return an image for drawing, (H, W, 3), BGR, uint8; depth in grey, near is bright, around the hand's depth.

    Args:
        image: The image.
        hand: A result of :class:`HandInferencer` on it.
    """
    if image.modality == 'rgb':
        return image.pixels
    middle = hand['hand_center'][2]
    return depth_picture(image.pixels, (middle - DEPTH_SHOWN, middle + DEPTH_SHOWN))


def draw_hand(image: np.ndarray, hand: dict, size: int = 420) -> np.ndarray:
    """Draw the joints on the image, and next to it the 3D hand from the front and from the side, if it is known.

    Args:
        image: BGR, uint8, shape (H, W, 3).
        hand: A result of :class:`HandInferencer`.
        size: Side of each view in px.

    Returns:
        BGR, uint8, shape (H', W', 3).
    """
    side = f'{hand["side"]} ' if hand['side'] else ''
    if hand['side_source'] == 'estimated':
        side = f'{hand["side"]}? ({hand["side_confidence"]:.2f}) '
    if len(hand['keypoints']) != NUM_JOINTS:  # NYU's 14, which have no skeleton
        relative = hand['keypoints_3d'] - hand['keypoints_3d'].mean(0)
        tiles = [draw_dots(image, hand['keypoints'], size), draw_points(relative, size)]
        return contact_sheet(tiles, 2, size, headers=[f'{side}hand', 'front, in space'])
    tiles, headers = [draw_skeleton(image, hand['keypoints'], min_size=size)], [f'{side}hand']
    if hand['keypoints_3d'] is not None:
        tiles += [draw_skeleton_3d(hand['keypoints_3d'], view) for view in ('front', 'side')]
        headers += ['front, in space', 'side, the camera is on the left']
    return contact_sheet(tiles, len(tiles), size, headers=headers)


def draw_dots(image: np.ndarray, pixels: np.ndarray, size: int) -> np.ndarray:
    """Draw joints without a skeleton, (J, 2), px, on their image (H, W, 3), enlarged to at least ``size`` px."""
    factor = -(-size // max(image.shape[:2]))
    canvas = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    for (x, y), color in zip(((pixels + 0.5) * factor - 0.5).round().astype(int).tolist(), point_colors(len(pixels))):
        cv2.circle(canvas, (x, y), max(3, size // 80), tuple(int(part) for part in color), -1, cv2.LINE_AA)
    return canvas
