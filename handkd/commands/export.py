"""Export a trained network to an ONNX file that runs without torch.

handkd export CONFIG CHECKPOINT --out student.onnx
handkd export WORK_DIR --out student.onnx [--fp16] [--int8 --calibrate 512]

The file takes crops as they are, uint8 (B, S, S, 3) in BGR or depth in mm (B, S, S), and gives joints: normalisation,
network and decoding are inside, and its description is in its metadata (docs/export.md). Before it is written, its
joints are compared with those of torch on real inputs, --samples of the config's test set or of a folder of crops
(--images). If they differ by more than 0.001 mm or 0.001 px, the exit status is 1 and no file is written.

--fp16 and --int8 write further files beside it, and print the mean error of each on the config's test set.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mmengine.config import Config

from handkd.apis.cli import prepare_file
from handkd.apis.run_options import OptionsAction
from handkd.apis.trained import TrainedNetwork, student_config
from handkd.baseline import derived_config
from handkd.config import load_config
from handkd.export import Exported, ExportSettings, ParityError, export_network
from handkd.export.writing import OPSETS
from handkd.files import write_atomically


def main(argv: list[str] | None = None) -> int:
    """Parse the arguments and run; return 1 if the exported network differs from torch."""
    args = parse_args(argv)
    out = check_out(args.out)
    cfg, checkpoint = open_run(args)
    settings = ExportSettings(args.opset, args.samples, args.images, args.licence, args.fp16, args.int8, args.calibrate)
    try:
        exported = export_network(cfg, checkpoint, settings)
    except ParityError as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    found = exported.metadata['fp32']
    print(f'{found.name} ({found.task}), opset {found.opset}: {exported.parity}')
    print(f'operators: {", ".join(found.operators)}')
    for name, content in exported.contents.items():
        path = out if name == 'fp32' else out.with_suffix(f'.{name}.onnx')
        write_atomically(path, content)
        print(file_line(path, content, name, exported))
    return 0


def file_line(path: Path, content: bytes, precision: str, exported: Exported) -> str:
    """Return the line about a written file: its size, and the error that it costs."""
    line = f'{path}: {precision}, {len(content) / 1e6:.2f} MB'
    if precision not in exported.errors:
        return line
    error, before = exported.errors[precision], exported.errors['fp32']
    unit = 'px' if exported.metadata[precision].unit == 'px' else 'mm'
    cost = '' if precision == 'fp32' else f', {error - before:+.3f} {unit}'
    return f'{line}, EPE mean {error:.3f} {unit} on the test set{cost}'


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__.split('\n\n')[0], formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', metavar='CONFIG', help='config of the network, or the work dir of its training')
    parser.add_argument('checkpoint', metavar='CHECKPOINT', nargs='?', help='its weights; for a work dir the newest')
    parser.add_argument('--out', required=True, metavar='FILE.onnx', help='the file to write')
    parser.add_argument('--teacher', metavar='NAME', help="export this network of the config's model.teachers")
    parser.add_argument('--opset', type=int, choices=OPSETS, default=17, help="version of ONNX's operators")
    parser.add_argument('--fp16', action='store_true', help='also FILE.fp16.onnx, with weights in half precision')
    parser.add_argument('--int8', action='store_true', help='also FILE.int8.onnx, with 8-bit weights and activations')
    parser.add_argument(
        '--calibrate', type=int, default=256, metavar='N', help='training samples for the ranges of --int8'
    )
    parser.add_argument('--samples', type=int, default=64, help='number of real inputs that are compared with torch')
    parser.add_argument('--images', metavar='FOLDER', help='crops to compare with torch, instead of the test set')
    parser.add_argument('--licence', default='not stated', help='licence of the weights, for the metadata')
    parser.add_argument(
        '--cfg-options', nargs='+', action=OptionsAction, metavar='KEY=VALUE', help='overrides entries of the config'
    )
    args = parser.parse_args(argv)
    for option in ('samples', 'calibrate'):
        if getattr(args, option) < 1:
            parser.error(f'--{option} must be at least 1, found {getattr(args, option)}')
    return args


def check_out(out: str) -> Path:
    """Return the path of the file to write, after a check that it can be written.

    Raises:
        ValueError: If its suffix is not '.onnx'.
        OSError: If its folder can't be written.
    """
    if Path(out).suffix != '.onnx':
        raise ValueError(f'--out: the file must end with .onnx, found {out!r}')
    return prepare_file(out, '--out')


def open_run(args: argparse.Namespace) -> tuple[Config, str]:
    """Return the config and the checkpoint that the arguments name.

    Raises:
        ValueError: If a work dir is given with a checkpoint of its own, or a config without one.
        FileNotFoundError: If one is missing.
    """
    if args.checkpoint is None:
        if not Path(args.config).is_dir() and ':' not in args.config:
            raise ValueError(
                f'{args.config}: no such work dir; for a config name the checkpoint, too: '
                'handkd export CONFIG CHECKPOINT --out FILE.onnx'
            )
        if args.teacher:
            raise ValueError('--teacher is for a config: the work dir of a teacher is exported as it is')
        run = TrainedNetwork.open(args.config, options=args.cfg_options)
        return run.cfg, str(run.checkpoint)
    cfg = derived_config(load_config(args.config, args.cfg_options), False, args.teacher)
    return student_config(cfg), args.checkpoint
