"""Release a trained student: ONNX file, facts and card, or measure a released one again.

handkd release CONFIG CHECKPOINT --out zoo/photo.onnx [--failures FILE]
handkd release NAME --check

A training that began with the weights of another one needs --cfg-options load_from=PATH, as handkd train did.

Writes zoo/photo.onnx, checked against torch as by handkd export: in half precision if that file is under --max-mb, else
in 8 bits; zoo/photo.json, the facts: how it was trained, size, speed, and errors of the file on the config's test set,
by skin tone, side and view, beside the mean pose's; and zoo/photo.md, the card that is written from them.

The student photo in the zoo is the one that handkd infer uses if no network is named. With --check the errors of a
student in the zoo are measured again; the exit status is 1 if they are not those of its facts.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from pathlib import Path

from handkd.apis.cli import prepare_file
from handkd.apis.run_options import OptionsAction
from handkd.export import ParityError
from handkd.export.card import error_table, write_card
from handkd.export.releasing import (
    ReleaseSettings,
    differences,
    make_release,
    measure_release,
    release_config,
)
from handkd.files import write_atomically
from handkd.hints import check_choice
from handkd.inference.zoo import students
from handkd.reading import read_json


def main(argv: list[str] | None = None) -> int:
    """Parse the arguments and run; return 1 if a file differs from torch, or a card's figures are not confirmed."""
    args = parse_args(argv)
    return check(args.config) if args.check else release(args)


def release(args: argparse.Namespace) -> int:
    """Write the files of a student."""
    out = check_out(args.out)
    settings = ReleaseSettings(args.max_mb, args.calibrate, args.threads, read_failures(args.failures))
    try:
        content, facts = make_release(args.config, args.checkpoint, out.name, args.cfg_options or {}, settings)
    except ParityError as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    card = write_card(facts)
    write_atomically(out, content)
    write_atomically(out.with_suffix('.json'), (json.dumps(facts, indent=2) + '\n').encode())
    write_atomically(out.with_suffix('.md'), card.encode())
    print(card)
    return 0


def check(name: str) -> int:
    """Measure a student of the zoo again, and print what differs from its facts."""
    check_choice(name, students(), 'zoo')
    file = students()[name]
    facts = read_json(file.with_suffix('.json'))
    if hashlib.sha256(file.read_bytes()).hexdigest() != facts['sha256']:
        raise ValueError(f'{file}: is not the file of {name}.json, whose SHA-256 is {facts["sha256"]}')
    cfg = release_config(facts['training']['config'], facts['options'])
    test = measure_release(cfg, file, facts['speed']['threads'])['test']
    print(error_table(test))
    wrong = differences(facts['test'], test)
    print('\n'.join(wrong) or 'the figures of the card are confirmed')
    return 1 if wrong else 0


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', metavar='CONFIG', help='config of the student; with --check its name in the zoo')
    parser.add_argument('checkpoint', metavar='CHECKPOINT', nargs='?', help='its weights, as handkd train wrote them')
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument('--out', metavar='FILE.onnx', help='the file to write; .json and .md are written beside it')
    action.add_argument('--check', action='store_true', help='measure a student in the zoo again')
    parser.add_argument('--max-mb', type=float, default=5.0, metavar='MB', help='largest size of the file; default: 5')
    parser.add_argument(
        '--calibrate', type=int, default=256, metavar='N', help='training samples for the ranges of int8'
    )
    parser.add_argument('--threads', type=int, default=1, metavar='N', help='threads whose speed is measured')
    parser.add_argument('--failures', metavar='FILE', help='known failures for the card, one per line')
    parser.add_argument(
        '--cfg-options', nargs='+', action=OptionsAction, metavar='KEY=VALUE', help='overrides entries of the config'
    )
    args = parser.parse_args(argv)
    if args.check == (args.checkpoint is not None):
        parser.error('expected CONFIG CHECKPOINT --out FILE.onnx, or NAME --check')
    for option in ('calibrate', 'threads'):
        if getattr(args, option) < 1:
            parser.error(f'--{option} must be at least 1, found {getattr(args, option)}')
    return args


def check_out(out: str) -> Path:
    """Return the path of the file to write, after a check that it can be written and its name can be called.

    Raises:
        ValueError: If its suffix is not '.onnx', or its name has other characters than letters, digits, '_' and '-'.
        OSError: If its folder can't be written.
    """
    if not re.fullmatch(r'[\w-]+\.onnx', Path(out).name):
        raise ValueError(f"--out: expected a name of letters, digits, '_' and '-' that ends with .onnx, found {out!r}")
    return prepare_file(out, '--out')


def read_failures(path: str | None) -> tuple[str, ...]:
    """Return the lines of a text file, without empty ones; none if there is no file."""
    lines = [] if path is None else Path(path).read_text(encoding='utf-8').splitlines()
    return tuple(line.strip() for line in lines if line.strip())
