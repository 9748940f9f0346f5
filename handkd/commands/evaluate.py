"""Score files of predicted joints, of handkd or any other method, under a named protocol.

handkd evaluate deepprior.txt --gt groundtruth.txt --protocol nyu --format uvd
handkd evaluate a.npz b.json --gt gt.npz --protocol stb --labels ours theirs --plot curves.png --json out.json
handkd evaluate hamer.json --gt gt.npz --protocol root --unit m --order mano
handkd evaluate work_dirs/demo/*/predictions.npz --protocol dumped
handkd evaluate pred.json predictions.npz --gt evaluation_xyz.json --format ho3d --protocol ho3d
handkd evaluate predictions.npz --write pred.json --format ho3d

A file is an .npz, .npy or .json with joints (frames, joints, 3), or text with one row per frame; the docstrings of
handkd/evaluation/joint_files.py and protocols.py give the details. With --format freihand, ho3d or dexycb, files other
than .npz are in the form of the owners' submissions and truth (handkd/evaluation/submissions.py).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from handkd.apis.cells import cell
from handkd.apis.cli import prepare_file
from handkd.evaluation import (
    CAMERAS,
    CURVE_THRESHOLDS,
    ORDERS,
    PCK_AT,
    PROTOCOLS,
    SUBMISSIONS,
    WITHIN,
    AucRule,
    HandPredictions,
    JointFile,
    Protocol,
    Score,
    check_pair,
    check_unit,
    find_order,
    find_protocol,
    handkd_names,
    match_frames,
    parse_camera,
    read_joints,
    read_submission,
    reorder,
    score,
    write_submission,
)
from handkd.files import write_atomically
from handkd.units import UNITS
from handkd.visualization import Table, accuracy_figure, figure_bytes, text_table

FORMATS = ('.png', '.svg', '.pdf')
DUMPED = 'dumped'


def main(argv: list[str] | None = None) -> None:
    """Parse the arguments, print the table, and write the requested files."""
    parser = _parser()
    args = parser.parse_args(argv)
    _check_form(parser, args)
    if args.write:
        _write(args)
        return
    if args.plot and Path(args.plot).suffix not in FORMATS:
        parser.error(f'--plot must end in one of {", ".join(FORMATS)}, found {args.plot!r}')
    if args.labels and len(args.labels) != len(args.preds):
        parser.error(f'--labels must name each of the {len(args.preds)} files, found {len(args.labels)}')
    labels = args.labels or _default_labels(args.preds)
    if len(set(labels)) < len(labels):
        parser.error(f'the rows need different labels, found {labels}: give them with --labels')
    for option, path in (('--json', args.json), ('--plot', args.plot)):
        if path:
            prepare_file(path, option)
    rules = tuple(parse_auc(text) for text in args.auc or ())
    protocol = None if args.protocol == DUMPED else find_protocol(args.protocol)
    camera = _camera(parser, args)

    names = _joint_names(protocol, args)
    truth = _read(args.gt or args.preds[0], 'target', camera, args, names)
    if args.gt is None and truth.protocol is None:
        parser.error(f'{truth.path} contains no ground truth: give its file with --gt')
    if protocol is not None and protocol.visible_only and truth.visible is None:
        raise ValueError(
            f'{truth.path}: the protocol {args.protocol} counts visible joints only, so the ground truth must have '
            'an array `visible` of shape (N, K)'
        )
    scores = {}
    for label, path in zip(labels, args.preds):
        pred = _read(path, 'pred', camera, args, names)
        if args.format in SUBMISSIONS:
            pred = match_frames(pred, truth)
        check_pair(pred, truth)
        if args.gt is None:
            _check_same_truth(path, truth)
        scores[label] = _score(pred, truth, protocol, rules, names, args)
    if len({result.protocol.name for result in scores.values()}) > 1:
        names = {label: result.protocol.name for label, result in scores.items()}
        raise ValueError(f'these predictions follow different protocols and cannot be compared: {names}')

    print(_text(args.protocol, scores, truth, args.per_joint))
    for path, content in ((args.json, _json_bytes), (args.plot, _plot_bytes)):
        if path:
            write_atomically(path, content(args, scores, truth))
            print(path)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('preds', nargs='+', metavar='PRED', help='files of predictions, one row of the table each')
    parser.add_argument('--gt', help='file of the ground truth; not needed for files that HandKeypointMetric dumped')
    parser.add_argument(
        '--protocol',
        metavar='NAME',
        help=f'one of {", ".join(PROTOCOLS)}; {DUMPED}: that of the file; or in full, such as '
        'rel-wrist_pred-scale_21j-visible',
    )
    parser.add_argument(
        '--format',
        choices=['xyz', 'uvd', *SUBMISSIONS],
        help="points in the camera's frame (default); px, px and depth; or the form of that data set's submissions",
    )
    for option, whose in (('', 'the predictions'), ('gt-', 'the ground truth')):
        parser.add_argument(
            f'--{option}unit', default='mm', choices=UNITS, help=f"of {whose}: x y z's or the depth's; default: mm"
        )
        parser.add_argument(
            f'--{option}order',
            metavar='NAME',
            help=f"joint order of {whose}, {', '.join(ORDERS)}; default: the protocol's, for 21 joints handkd's",
        )
    parser.add_argument(
        '--camera',
        help=f"of --format uvd: {', '.join(CAMERAS)}, or fx,fy,u0,v0 in px; default: the protocol's",
    )
    parser.add_argument('--labels', nargs='+', help='names of the files in the table; default: the file names')
    parser.add_argument(
        '--auc',
        nargs='+',
        metavar='LOW,HIGH,STEPS[,RULE]',
        help="areas under the PCK curve instead of the protocol's, such as 0,50,100 or 0,50,20,zb_legacy (mm)",
    )
    parser.add_argument('--within', nargs='+', type=float, default=WITHIN, metavar='MM', help='shares of frames')
    parser.add_argument('--pck', nargs='+', type=float, default=PCK_AT, metavar='MM', help='shares of joints')
    parser.add_argument('--per-joint', action='store_true', help="also print each joint's mean error")
    parser.add_argument('--json', metavar='OUT', help='write all numbers, curves and the protocol to this file')
    parser.add_argument(
        '--write',
        metavar='OUT',
        help="write PRED, dumped by HandKeypointMetric, as the submission of --format; don't score",
    )
    parser.add_argument('--plot', metavar='OUT', help=f'draw both curves into this file, {", ".join(FORMATS)}')
    return parser


def _check_form(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Check the options that submissions need, or replace."""
    if args.write:
        if args.format not in SUBMISSIONS or len(args.preds) != 1:
            parser.error(f'--write takes one PRED and --format {", ".join(SUBMISSIONS)}')
        given = [f'--{name}' for name in ('protocol', 'gt', 'json', 'plot') if getattr(args, name)]
        if given:
            parser.error(f'--write does not score: leave out {given[0]}')
    elif args.protocol is None:
        parser.error('--protocol is needed to score')
    elif args.gt is None and args.format in SUBMISSIONS and not all(path.endswith('.npz') for path in args.preds):
        parser.error('submissions contain no ground truth: give its file with --gt')
    if args.format in SUBMISSIONS and (args.order or args.gt_order or {args.unit, args.gt_unit} != {'mm'}):
        parser.error(
            f'--format {args.format} determines unit and joint order: leave out --unit, --order and those of --gt'
        )


def _write(args: argparse.Namespace) -> None:
    path = args.preds[0]
    predictions = HandPredictions.load(path)
    prepare_file(args.write, '--write')
    write_submission(args.write, predictions, args.format, path)
    print(args.write)
    expected = SUBMISSIONS[args.format].frames
    if expected and len(predictions.img_ids) not in expected:
        print(f'{len(predictions.img_ids)} frames; the published set has {" or ".join(map(str, expected))}')


def _default_labels(paths: Sequence[str]) -> list[str]:
    """File names without and with suffix, names of their folders, or paths: the first choice without duplicates."""
    files = [Path(path) for path in paths]
    choices = ([f.stem for f in files], [f.name for f in files], [f.parent.name for f in files])
    return next((names for names in choices if len(set(names)) == len(names)), list(paths))


def _camera(parser: argparse.ArgumentParser, args: argparse.Namespace) -> tuple[float, float, float, float] | None:
    if args.format is None and args.protocol in CAMERAS:
        # Files of these sets exist in both forms, and pixels read as mm give plausible numbers.
        parser.error(f'--protocol {args.protocol} needs --format: uvd for rows of u v d, xyz for points in mm')
    if args.format != 'uvd':
        if args.camera:
            parser.error('--camera is for --format uvd; points in mm need none')
        return None
    name = args.camera or (args.protocol if args.protocol in CAMERAS else None)
    if name is None:
        parser.error(f'--format uvd needs --camera: {", ".join(CAMERAS)}, or fx,fy,u0,v0 in px')
    return parse_camera(name)


def _joint_names(protocol: Protocol | None, args: argparse.Namespace) -> tuple[str, ...] | None:
    """Names of the joints that files of a given order are reordered to; None if no order is given."""
    orders = {f'--{key.replace("_", "-")}': getattr(args, key) for key in ('order', 'gt_order')}
    for option, order in orders.items():
        try:
            order is None or find_order(order)
        except ValueError as error:
            raise ValueError(f'{option}: {error}') from error
    if not any(orders.values()):
        return None
    if protocol is None:
        raise ValueError(f'--protocol {DUMPED} takes joints in the order in which they were dumped: leave out --order')
    names = protocol.joints or handkd_names(*orders.values())
    if names[0].isdigit():
        raise ValueError(f'--order: the protocol {args.protocol} does not name its {len(names)} joints: leave it out')
    return names


def _read(
    path: str,
    role: str,
    camera: tuple[float, float, float, float] | None,
    args: argparse.Namespace,
    names: tuple[str, ...] | None,
) -> JointFile:
    """Read a file, in mm and, if its order is given, in the order of ``names``."""
    if args.format in SUBMISSIONS and Path(path).suffix != '.npz':
        return read_submission(path, args.format, role)
    unit, order = (args.unit, args.order) if role == 'pred' else (args.gt_unit, args.gt_order)
    file = read_joints(path, role, camera, unit)
    return file if order is None else reorder(file, order, names)


def _check_same_truth(path: str, truth: JointFile) -> None:
    other = read_joints(path, 'target')
    if not (np.array_equal(other.joints, truth.joints) and np.array_equal(other.labelled, truth.labelled)):
        raise ValueError(f'{path}: its ground truth is not that of {truth.path}: evaluate all on the same test set')


def _score(
    pred: JointFile,
    truth: JointFile,
    protocol: Protocol | None,
    rules: tuple[AucRule, ...],
    names: tuple[str, ...] | None,
    args: argparse.Namespace,
) -> Score:
    """Score one file; ``protocol`` None is the one its joints were aligned by, ``names`` None its names."""
    try:
        own = None if pred.protocol is None else find_protocol(pred.protocol)
        if protocol is None and own is None:
            raise ValueError(f'the file names no protocol: choose another --protocol than {DUMPED}')
        one = (protocol or own).for_joints(pred.joints.shape[1], names or (own and own.joints))
        columns = (one, *map(one.with_alignment, one.also))
        belied = None if protocol is None or own is None else next((c for c in columns if not c.can_follow(own)), None)
        if belied is not None:
            pa = ' or pa' if one.with_alignment('pa').can_follow(own) else ''
            raise ValueError(
                f'its joints were aligned and selected by {own.name} when they were written, so {belied.name} cannot '
                f'be computed: choose --protocol {DUMPED}{pa}'
            )
        one = replace(one, auc=rules or one.auc)
        if one.alignment in ('absolute', 'root'):  # the others give hands their true scale
            check_unit(pred, truth)
        return score(
            pred.joints,
            truth.joints,
            one,
            truth.labelled,
            truth.visible,
            protocol is None,
            args.within,
            args.pck,
            truth.hand_type,
            truth.hand_side,
        )
    except ValueError as error:
        named = f'{pred.path}: '
        raise ValueError(named + str(error).removeprefix(named)) from error


def parse_auc(text: str) -> AucRule:
    """Return the rule described by 'LOW,HIGH,STEPS' or 'LOW,HIGH,STEPS,RULE'."""
    try:
        low, high, steps, *rule = text.split(',')
        numbers = float(low), float(high), int(steps)
    except ValueError:
        raise ValueError(f'--auc must be LOW,HIGH,STEPS[,RULE] in mm, found {text!r}') from None
    return AucRule(*numbers, *rule)


def _text(name: str, scores: dict[str, Score], truth: JointFile, per_joint: bool) -> str:
    first = next(iter(scores.values()))
    protocol = first.protocol
    counted = np.isfinite(first.errors)
    units = 'errors in mm' + (' (columns cm and ..._cm: in cm)' if protocol.centimetres else '')
    lines = [
        f'protocol {name}: {protocol.name}',
        f'  {protocol.description}',
        *(f'  column {other}: the mean by {protocol.with_alignment(other).name}' for other in protocol.also),
        f'  {len(counted)} frames, {counted.sum()} joints of {truth.path}; {units}, all else shares from 0 to 1',
        '',
    ]
    headers = ['', *(key.removeprefix('EPE_mean_').removeprefix('EPE_') for key in first.numbers)]
    rows = [
        [label, *(cell(value, 3 if key.startswith('EPE') else 4) for key, value in result.numbers.items())]
        for label, result in scores.items()
    ]
    lines.append(text_table(Table(headers, rows)))
    if per_joint:
        columns = [result.per_joint.values() for result in scores.values()]
        rows = [[joint, *(cell(value, 3) for value in values)] for joint, *values in zip(protocol.joints, *columns)]
        lines += ['', text_table(Table(['mean (mm)', *scores], rows))]
    return '\n'.join(lines)


def _json_bytes(args: argparse.Namespace, scores: dict[str, Score], truth: JointFile) -> bytes:
    protocol = next(iter(scores.values())).protocol
    files = {
        label: dict(
            path=path,
            numbers=result.numbers,
            per_joint=result.per_joint,
            pck=result.pck_curve.tolist(),
            frames_within=result.within_curve.tolist(),
        )
        for path, (label, result) in zip(args.preds, scores.items())
    }
    content = dict(
        protocol=dict(given=args.protocol, name=protocol.name, **asdict(protocol)),
        also={other: protocol.with_alignment(other).name for other in protocol.also},
        ground_truth=str(truth.path),
        frames=len(truth.joints),
        format=args.format or 'xyz',
        camera=_camera(_parser(), args),
        units=None if args.format in SUBMISSIONS else dict(predictions=args.unit, ground_truth=args.gt_unit),
        orders=None if args.format in SUBMISSIONS else dict(predictions=args.order, ground_truth=args.gt_order),
        thresholds=CURVE_THRESHOLDS.tolist(),
        files=files,
    )
    return (json.dumps(content, indent=2) + '\n').encode()


def _plot_bytes(args: argparse.Namespace, scores: dict[str, Score], truth: JointFile) -> bytes:
    protocol = next(iter(scores.values())).protocol
    joints = {f'{label} ({result.numbers["EPE_mean"]:.2f} mm)': result.pck_curve for label, result in scores.items()}
    frames = {label: result.within_curve for label, result in scores.items()}
    note = f'{args.protocol}: {protocol.name}, {len(truth.joints)} frames'
    return figure_bytes(accuracy_figure(joints, frames, CURVE_THRESHOLDS, note), Path(args.plot).suffix[1:])
