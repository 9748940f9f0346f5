"""Converts recordings of an RGB-D camera to the plain form that handkd reads: images, depth and unlabelled lines.

Usage: python examples/converter/convert_rgbd.py RECORDING... --out data/my_set --side right [--split train]

Each RECORDING is a folder in one of these forms, which is recognised by its files. Depth must be aligned to colour: in
the pixels of the colour camera. Aligning it here would need the calibration of both cameras.

    realsense   what rs-convert writes: PREFIX_Color_TIME.png by "rs-convert -i a.bag -p rec/PREFIX -c" and
                PREFIX_Depth_TIME.csv, in metres, by "rs-convert -i a.bag -v rec/PREFIX -d". Its depth PNGs are coloured
                pictures, and can't be used. It writes no intrinsics: give those of the colour stream, of
                "rs-enumerate-devices -c", by --camera; and it aligns nothing: record with aligned depth (rs2::align to
                the colour stream), and say so by --aligned.
    azure       what Open3D's azure_kinect_mkv_reader.py writes: color/*.jpg, depth/*.png in mm, aligned by it, and
                intrinsic.json
    record3d    Record3D's export "EXR + RGB": the folder EXR_RGBD with rgb/*.png or *.jpg, depth/*.exr in metres, and
                metadata.json. Its .r3d files hold depth in LZFSE, which needs a library that handkd does not have.

There are no labels: tools/label.py can write a depth teacher's predictions, or label the lines in a tool of yours.
"""

from __future__ import annotations

import argparse
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault('OPENCV_IO_ENABLE_OPENEXR', '1')  # before OpenCV is loaded

import cv2
import numpy as np

DEPTH_UNIT_MM = 0.25
"""Of the depth images written: 16 bits reach 16 m."""
LARGEST_GAP_MS = 20.0
"""Between the time stamps of colour and depth of one frame: less than half a frame at 25 frames per second."""

Frame = tuple[Path, Path]
"""Files of colour and depth."""


class UnusableRecording(Exception):
    """A recording can't be converted; the message says what to do."""


def find_form(source: Path) -> str:
    """Return the form of a recording."""
    if source.suffix == '.r3d' or any(source.glob('*.r3d')) or any(source.glob('rgbd/*.depth')):
        raise UnusableRecording(f'{source}: .r3d files hold depth in LZFSE; export "EXR + RGB" in Record3D')
    if source.suffix in ('.bag', '.mkv'):
        tool = {'.bag': 'rs-convert', '.mkv': "Open3D's azure_kinect_mkv_reader.py"}[source.suffix]
        raise UnusableRecording(f'{source}: extract the images first, by {tool}')
    if not source.is_dir():
        raise UnusableRecording(f'{source}: no such folder')
    if (source / 'metadata.json').is_file() and (source / 'rgb').is_dir():
        return 'record3d'
    if (source / 'color').is_dir() and (source / 'depth').is_dir():
        return 'azure'
    if any(source.glob('*_Color_*.png')):
        return 'realsense'
    if (source / 'EXR_RGBD').is_dir():
        raise UnusableRecording(f'{source}: name the folder in it, {source / "EXR_RGBD"}')
    raise UnusableRecording(
        f'{source}: none of the forms: *_Color_*.png (realsense), color/ and depth/ (azure), rgb/, depth/ and '
        'metadata.json (record3d)'
    )


def frames_of(form: str, source: Path) -> list[Frame]:
    """Return the frames of a recording in their order."""
    if form == 'realsense':
        return _by_time(source)
    color = source / {'azure': 'color', 'record3d': 'rgb'}[form]
    suffix = {'azure': '.png', 'record3d': '.exr'}[form]
    images = sorted(
        (path for path in color.iterdir() if path.suffix.lower() in ('.jpg', '.jpeg', '.png')),
        key=lambda path: (len(path.stem), path.stem),
    )
    frames = [(path, source / 'depth' / f'{path.stem}{suffix}') for path in images]
    missing = [depth for _, depth in frames if not depth.is_file()]
    if missing:
        raise UnusableRecording(f'{source}: {len(missing)} of {len(frames)} images have no depth, such as {missing[0]}')
    return frames


def _by_time(source: Path) -> list[Frame]:
    """Pair colour and depth of rs-convert by their time stamps, in ms."""
    depths = _stamped(source, 'Depth', '.csv')
    if not depths:
        pictures = any(source.glob('*_Depth_*.png'))
        found = 'its depth PNGs are coloured pictures' if pictures else 'it has no depth'
        raise UnusableRecording(
            f'{source}: {found}; write depth in metres by rs-convert -i a.bag -v {source}/PREFIX -d'
        )
    times = np.array([time for time, _ in depths])
    frames = []
    for time, image in _stamped(source, 'Color', '.png'):
        nearest = int(np.abs(times - time).argmin())
        if abs(times[nearest] - time) <= LARGEST_GAP_MS:
            frames.append((image, depths[nearest][1]))
    return frames


def _stamped(source: Path, stream: str, suffix: str) -> list[tuple[float, Path]]:
    """Return the frames of a stream with their time stamps, by time."""
    named = re.compile(rf'.*_{stream}_([0-9]+(?:\.[0-9]+)?){re.escape(suffix)}')
    found = ((named.fullmatch(path.name), path) for path in source.iterdir())
    return sorted((float(match[1]), path) for match, path in found if match)


def camera_of(form: str, source: Path, given: list[float] | None) -> tuple[list[list[float]], tuple[int, int] | None]:
    """Return the intrinsics of the colour camera, and the image size for which they hold (None if it is not given)."""
    if given is not None:
        fx, fy, cx, cy = given
        return [[fx, 0, cx], [0, fy, cy], [0, 0, 1]], None
    if form == 'realsense':
        raise UnusableRecording(
            f"{source}: rs-convert writes no intrinsics; give the colour stream's by --camera FX,FY,CX,CY "
            '(rs-enumerate-devices -c)'
        )
    path, key, width, height = {
        'azure': (source / 'intrinsic.json', 'intrinsic_matrix', 'width', 'height'),
        'record3d': (source / 'metadata.json', 'K', 'w', 'h'),
    }[form]
    try:
        content = json.loads(path.read_bytes())
        matrix = np.array(content[key], np.float64).reshape(3, 3).T  # column by column
        size = int(content[width]), int(content[height])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnusableRecording(
            f'{path}: expected {key!r} of nine numbers, {width!r} and {height!r}, found {error!r}; or give --camera'
        ) from error
    return matrix.tolist(), size


def read_depth(form: str, path: Path, size: tuple[int, int]) -> np.ndarray:
    """Return a depth map in mm, shape (H, W), 0 without a measurement, in the pixels of a colour image of ``size``."""
    if form == 'realsense':
        depth = np.loadtxt(path, np.float32, delimiter=',', ndmin=2) * 1000
    else:
        depth = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        if depth is None:
            raise UnusableRecording(f'{path}: can not be read')
        if depth.ndim == 3:  # Record3D repeats the depth in all channels
            depth = depth[..., 2]
        if depth.dtype != {'azure': np.uint16, 'record3d': np.float32}[form]:
            raise UnusableRecording(f'{path}: {depth.dtype} is no depth of the form {form}')
        depth = depth.astype(np.float32) * (1000 if form == 'record3d' else 1)
    depth[~np.isfinite(depth)] = 0
    if form == 'record3d' and depth.shape[0] * size[0] == depth.shape[1] * size[1]:
        return cv2.resize(depth, size, interpolation=cv2.INTER_NEAREST)  # aligned, with fewer pixels
    if depth.shape != size[::-1]:
        raise UnusableRecording(
            f'{path}: depth has {depth.shape[1]} x {depth.shape[0]} px and colour {size[0]} x {size[1]}: it is not '
            'aligned to colour; align it when you record or extract it'
        )
    return depth


def convert(source: Path, out: Path, args: argparse.Namespace) -> Iterator[dict]:
    """Write the images of a recording, and yield its lines."""
    form = find_form(source)
    if form == 'realsense' and not args.aligned:
        raise UnusableRecording(
            f'{source}: rs-convert does not align depth to colour; record aligned depth (rs2::align), and add --aligned'
        )
    frames, (matrix, wanted) = frames_of(form, source), camera_of(form, source, args.camera)
    name = source.parent.name if source.name == 'EXR_RGBD' else source.name
    if not frames:
        raise UnusableRecording(f'{source}: no frame has colour and depth')
    for number, (image, depth) in enumerate(frames[:: args.every]):
        color = cv2.imread(str(image), cv2.IMREAD_COLOR)
        if color is None:
            raise UnusableRecording(f'{image}: can not be read')
        size = color.shape[1], color.shape[0]
        if wanted is not None and size != wanted:
            raise UnusableRecording(f'{image}: {size} px, but the intrinsics are for {wanted}')
        counts = np.round(read_depth(form, depth, size) / DEPTH_UNIT_MM)
        counts[counts > 65535] = 0
        line = {'id': f'{name}/{number:06d}', 'side': args.side, 'K': matrix}
        for key, pixels, suffix in (('image', color, 'jpg'), ('depth', counts.astype(np.uint16), 'png')):
            path = Path(key) / name / f'{number:06d}.{suffix}'
            (out / path).parent.mkdir(parents=True, exist_ok=True)
            if key == 'image' and image.suffix.lower() in ('.jpg', '.jpeg'):
                (out / path).write_bytes(image.read_bytes())  # as it was recorded
            elif not cv2.imwrite(str(out / path), pixels, [cv2.IMWRITE_JPEG_QUALITY, 97] if key == 'image' else []):
                raise UnusableRecording(f'{out / path}: could not be written')
            line[key] = path.as_posix()
        yield line


def parse_camera(text: str) -> list[float]:
    """Read 'fx,fy,cx,cy'."""
    try:
        values = [float(part) for part in text.split(',')]
    except ValueError:
        values = []
    if len(values) != 4 or not np.isfinite(values).all() or min(values[:2]) <= 0:
        raise argparse.ArgumentTypeError(f'expected fx,fy,cx,cy in px, found {text!r}')
    return values


def main() -> None:
    """Convert, and let handkd check every line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('recordings', nargs='+', type=Path, help='folders, whose names must differ')
    parser.add_argument('--out', required=True, type=Path, help='folder of the data set')
    parser.add_argument('--split', default='train', help='name of its file of lines, which must not exist yet')
    parser.add_argument('--side', required=True, choices=['left', 'right'], help='the hand in the images')
    parser.add_argument('--camera', type=parse_camera, metavar='FX,FY,CX,CY', help="the colour camera's intrinsics, px")
    parser.add_argument('--aligned', action='store_true', help='depth of rs-convert is aligned to colour')
    parser.add_argument('--every', type=int, default=1, metavar='N', help='use each N-th frame; default: all')
    args = parser.parse_args()
    target = args.out / f'{args.split}.jsonl'
    if target.exists():
        parser.error(f'{target} exists already: name another --split, or remove it')
    if args.every < 1:
        parser.error(f'--every must be 1 or more, found {args.every}')
    about = args.out / 'dataset.json'
    if about.exists() and json.loads(about.read_bytes()).get('depth_unit_mm', 1.0) != DEPTH_UNIT_MM:
        parser.error(f'{about} has another depth_unit_mm than {DEPTH_UNIT_MM}: choose a new --out')
    try:
        lines = [line for source in args.recordings for line in convert(source, args.out, args)]
    except UnusableRecording as error:
        parser.error(str(error))
    about.write_text(json.dumps({'name': args.out.name, 'depth_unit_mm': DEPTH_UNIT_MM}))
    target.write_text(''.join(json.dumps(line) + '\n' for line in lines))

    from handkd.datasets import HandFolderDataset  # here, so that --help needs no handkd

    dataset = HandFolderDataset(args.out, args.split, modalities=('rgb', 'depth'), keep_unlabelled=True)
    dataset.get_data_info(0)
    print(f'{args.out}: {len(dataset)} unlabelled samples in {args.split!r}')


if __name__ == '__main__':
    main()
