"""Read damaged and hostile files with every reader, and count the outcomes.

python tools/fuzz.py                                     # 200 inputs of each kind, and all attacks
python tools/fuzz.py rhd checkpoint --inputs 100000      # a long run over two of them
python tools/fuzz.py --report fuzz.md                    # the tables, in Markdown
python tools/fuzz.py rhd --numbers 17 -3 --show          # two inputs again, with what they raised

An input is a clean tree of a target in which one file is damaged, or replaced by an attack, whose payload would create
a file. It must be read, or refused by one line that names the file. Anything else is a fault, and the exit status is
then 1: another exception, no file name, over 10 s, over 2 GB, a crash, or code that was run. Inputs are numbered, and
the same number with the same --seed is the same input; attacks are numbered from -1 downwards.
"""

from __future__ import annotations

import handkd  # noqa: F401  (before torch is loaded)

# isort: split
import argparse
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from fuzzing.attacks import ATTACKS
from fuzzing.supervisor import CRASH, HANG, Findings, fuzz
from fuzzing.targets import TARGETS
from fuzzing.worker import MEMORY_FAULT, READ, REFUSED, RUN, TRACEBACK, UNNAMED
from tqdm import tqdm

from handkd.apis.cli import prepare_file, run_cli
from handkd.files import write_atomically
from handkd.hints import check_keys

COLUMNS = (READ, REFUSED, TRACEBACK, UNNAMED, HANG, MEMORY_FAULT, CRASH, RUN)


def main(argv: list[str] | None = None) -> int:
    """Parse the arguments, read the inputs, print the tables; return 1 if there is a fault."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('targets', nargs='*', metavar='TARGET', help=f'default: all of {", ".join(TARGETS)}')
    parser.add_argument('--inputs', type=int, default=200, help='damaged inputs of each target; default: %(default)s')
    parser.add_argument('--seed', type=int, default=0, help='seed of the damage')
    parser.add_argument('--numbers', type=int, nargs='+', metavar='I', help='only these inputs')
    parser.add_argument('--workers', type=int, default=1, help='processes; default: %(default)s')
    parser.add_argument('--show', action='store_true', help='print each fault')
    parser.add_argument('--report', metavar='FILE', help='write the tables into a file')
    args = parser.parse_args(argv)
    check_keys(args.targets, TARGETS, 'target')
    if args.inputs < 0 or args.workers < 1:
        parser.error(f'--inputs must be at least 0 and --workers 1, found {args.inputs} and {args.workers}')
    if args.report:
        prepare_file(args.report, '--report')

    names = args.targets or list(TARGETS)
    inputs = {
        name: args.numbers or [*range(args.inputs), *(-1 - i for i in range(len(ATTACKS.get(name, ()))))]
        for name in names
    }
    with tqdm(total=sum(map(len, inputs.values())), unit='input') as bar, ThreadPoolExecutor(args.workers) as pool:
        shares = [{name: inputs[name] for name in names[i :: args.workers]} for i in range(args.workers)]
        parts = pool.map(lambda share: fuzz(share, args.seed, bar.update), shares)
        together = {name: findings for part in parts for name, findings in part.items()}
    found = {name: together[name] for name in names}
    if args.show:
        for name, findings in found.items():
            for number, verdict, text in findings.faults:
                print(f'--- {name} {number}: {verdict}\n{text}')
    text = f'{table(found)}\n\n{attack_table(found)}\n'
    print(text)
    if args.report:
        write_atomically(Path(args.report), text.encode())
    return 1 if any(findings.faults for findings in found.values()) else 0


def table(found: dict[str, Findings]) -> str:
    """Return the counts of damaged inputs as a Markdown table, one line per target."""
    lines = [f'| damaged | inputs | {" | ".join(COLUMNS)} |', '|---' * (len(COLUMNS) + 2) + '|']
    rows = {name: findings.counts for name, findings in found.items()}
    if len(rows) > 1:
        rows['all'] = sum(rows.values(), start=type(next(iter(rows.values())))())
    for name, counts in rows.items():
        lines.append(f'| {name} | {counts.total()} | {" | ".join(str(counts[column]) for column in COLUMNS)} |')
    return '\n'.join(lines)


def attack_table(found: dict[str, Findings]) -> str:
    """Return the verdicts on attacks as a Markdown table: the number refused, and those that were not."""
    lines = ['| attacked | attacks | refused | read, to no effect | others |', '|---|---|---|---|---|']
    for name, findings in found.items():
        if verdicts := findings.attacks:
            others = '; '.join(f'{attack}: {verdict}' for attack, verdict in verdicts if verdict not in (READ, REFUSED))
            counts = (sum(verdict == kind for _, verdict in verdicts) for kind in (REFUSED, READ))
            lines.append(f'| {name} | {len(verdicts)} | {" | ".join(map(str, counts))} | {others} |')
    return '\n'.join(lines)


if __name__ == '__main__':
    run_cli(main)
