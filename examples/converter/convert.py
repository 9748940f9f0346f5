"""Converts your own recordings to the plain form that handkd reads: images, and one line of JSON per hand.

Adapt ``read_recordings`` and the constants; the rest stays. The template reads this folder:

    recordings/
      camera.json                {"fx": 615.2, "fy": 615.4, "cx": 318.0, "cy": 241.5}
      anna/ ben/ ...             one folder per person
        frames/000.png ...       photographs
        depth/000.png ...        depth maps, 16 bits, 0.1 mm per count
        joints.csv               frame,joint,x,y,z: a row for each visible joint, in metres, y upwards

Usage: python examples/converter/convert.py recordings data/my_set --test ben
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

# Your joint names -> handkd's. Any other name is an error; leave out joints that you do not have.
JOINTS = {'Wrist': 'wrist'}
for yours, name in (
    ('Thumb', 'thumb'),
    ('Index', 'index'),
    ('Middle', 'middle'),
    ('Ring', 'ring'),
    ('Pinky', 'little'),
):
    bones = ('cmc', 'mcp', 'ip', 'tip') if name == 'thumb' else ('mcp', 'pip', 'dip', 'tip')
    JOINTS |= {f'{yours}{i}': f'{name}_{bone}' for i, bone in enumerate(bones, 1)}

# Your axes and unit -> x right, y down, z forward, in mm.
SCALE = (1000.0, -1000.0, 1000.0)

DEPTH_UNIT_MM = 0.1
SIDE = 'right'  # the hand in your images; a mirrored image of a left hand shows a right one


def read_recordings(source: Path) -> Iterator[dict]:
    """Yield one dict per hand: person, frame, image, depth, joints by your names (x, y, z as you have them), and K."""
    camera = json.loads((source / 'camera.json').read_bytes())
    intrinsics = [[camera['fx'], 0, camera['cx']], [0, camera['fy'], camera['cy']], [0, 0, 1]]
    for person in sorted(path for path in source.iterdir() if path.is_dir()):
        frames: dict[str, dict] = {}
        with open(person / 'joints.csv', newline='', encoding='utf-8-sig') as file:  # Excel's, too
            for row in csv.DictReader(file):
                xyz = [float(row[axis]) for axis in 'xyz']
                frames.setdefault(row['frame'], {})[row['joint']] = xyz
        for frame, joints in sorted(frames.items()):
            image, depth = (person / folder / f'{frame}.png' for folder in ('frames', 'depth'))
            yield dict(person=person.name, frame=frame, image=image, depth=depth, joints=joints, K=intrinsics)


def make_line(recording: dict, out: Path) -> dict:
    """Copy the images of a recording into ``out``, and return its line."""
    unknown = sorted(set(recording['joints']) - set(JOINTS))
    if unknown:
        raise SystemExit(f'{recording["person"]}, frame {recording["frame"]}: JOINTS has no {unknown[0]!r}')
    line = {'id': f'{recording["person"]}/{recording["frame"]}', 'side': SIDE, 'K': recording['K']}
    for key in ('image', 'depth'):
        path = Path(key) / recording['person'] / recording[key].name
        (out / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(recording[key], out / path)
        line[key] = path.as_posix()
    # null is a joint without a label.
    points = (recording['joints'].get(yours) for yours in JOINTS)
    line['joints_3d'] = [p and [round(s * value, 3) for s, value in zip(SCALE, p)] for p in points]
    return line


def main() -> None:
    """Convert, and let handkd check every line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('source', type=Path, help='your recordings')
    parser.add_argument('out', type=Path, help='folder of the data set; must not exist yet')
    parser.add_argument('--test', nargs='+', default=[], metavar='PERSON', help='persons that are kept for testing')
    args = parser.parse_args()

    persons = {path.name for path in args.source.iterdir() if path.is_dir()} if args.source.is_dir() else set()
    if not persons:
        parser.error(f'{args.source} must be a folder with one folder per person')
    if not set(args.test) <= persons:
        parser.error(f'--test: found no {sorted(set(args.test) - persons)} among {sorted(persons)}')
    if args.out.exists():
        parser.error(f'{args.out} exists already: name another folder, or remove it')
    args.out.mkdir(parents=True)
    description = {'name': args.out.name, 'joint_names': list(JOINTS.values()), 'depth_unit_mm': DEPTH_UNIT_MM}
    (args.out / 'dataset.json').write_text(json.dumps(description, indent=2))
    lines: dict[str, list[str]] = {}
    for recording in read_recordings(args.source):
        # Split by person, not by frame: neighbouring frames are so similar that testing on them is meaningless.
        split = 'test' if recording['person'] in args.test else 'train'
        lines.setdefault(split, []).append(json.dumps(make_line(recording, args.out)))
    for split, text in lines.items():
        (args.out / f'{split}.jsonl').write_text('\n'.join(text) + '\n')

    from handkd.datasets import HandFolderDataset  # here, so that --help needs no handkd

    for split in lines:
        dataset = HandFolderDataset(args.out, split, modalities=('rgb', 'depth'))
        dataset.get_data_info(0)
        print(f'{args.out}: {len(dataset)} samples in {split!r}')


if __name__ == '__main__':
    main()
