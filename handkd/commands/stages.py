"""Run all stages of a method in order, and print a table.

handkd stages pmd/resnet18half_studio
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from handkd.apis.budget_report import budget_tables
from handkd.apis.cli import prepare_file, prepare_work_dir
from handkd.apis.report import write_stage_report
from handkd.apis.result_logs import log_stages
from handkd.apis.run_options import OptionsAction
from handkd.apis.segmentation_report import segmentation_table
from handkd.apis.stage_results import StageResult
from handkd.apis.stages import Stage, baseline_stages, read_stages, run_stages, select_stages
from handkd.apis.summary import of_every_seed, results_record, results_table, sets_table, summarize_seeds
from handkd.files import write_atomically
from handkd.visualization import text_table


def main(argv: list[str] | None = None) -> int:
    """Parse the arguments, run the unfinished stages, and print the tables; return 1 if a stage has no result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='path of a config with `stages`')
    parser.add_argument('--work-dir', help='contains a folder for each stage; default: work_dirs/<config name>')
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument('--only', nargs='+', metavar='STAGE', help='these stages, and those they depend on')
    chosen.add_argument(
        '--baseline', action='store_true', help="the stages with the role 'baseline' alone, and those they depend on"
    )
    parser.add_argument(
        '--seeds', nargs='+', type=int, default=[0], metavar='SEED', help='run all stages once for each'
    )
    parser.add_argument('--against', metavar='STAGE', help='with --seeds: compare with this stage, not the baseline')
    parser.add_argument('--report', action='store_true', help="write the first seed's results to report.html")
    parser.add_argument('--log', metavar='FOLDER', help="write each result's log into this folder of an experiment")
    parser.add_argument('--out', metavar='FILE', help="JSON file for every seed's metrics and the table")
    parser.add_argument(
        '--cfg-options', nargs='+', action=OptionsAction, metavar='KEY=VALUE', help='overrides entries of every stage'
    )
    args = parser.parse_args(argv)
    if len(set(args.seeds)) < len(args.seeds):
        parser.error(f'--seeds must all be different, found {args.seeds}')
    if args.against and len(args.seeds) == 1:
        parser.error('--against compares over several seeds: give them with --seeds')
    if args.out:
        prepare_file(args.out, '--out')
    if args.log:
        prepare_work_dir(args.log, '--log')

    work_dir = prepare_work_dir(args.work_dir or f'work_dirs/{Path(args.config).stem}')
    stages = read_stages(args.config, args.cfg_options)
    stages = baseline_stages(stages) if args.baseline else select_stages(stages, args.only)
    if args.against:
        base = select_stages(stages, [args.against])[-1]  # refuses an unknown name before anything trains
        if base.annotations is not None:
            parser.error(f'--against: {base.name} has annotations: its baseline is the one of the same number')
    folders = {seed: work_dir if len(args.seeds) == 1 else work_dir / f'seed_{seed}' for seed in args.seeds}
    results = {seed: list(run_stages(stages, folder, seed)) for seed, folder in folders.items()}
    if args.log:
        for seed, folder in folders.items():
            log_stages(stages, results[seed], folder, seed, args.log, args.config, args.cfg_options)
        print(f'logs: {args.log}')
    results, without = of_every_seed(results), _without_result(stages, results)
    first = results[args.seeds[0]]
    table = results_table(first) if len(args.seeds) == 1 else summarize_seeds(results, args.against)
    every = (segmentation_table(results), table, sets_table(results), *budget_tables(results))
    tables = [each for each in every if each.rows]
    if tables:
        print('\n\n'.join(map(text_table, tables)))
    if args.out:
        write_atomically(args.out, json.dumps(results_record(results, *tables), indent=2).encode())
        print(f'numbers: {args.out}')
    if args.report and first:
        page = work_dir / 'report.html'
        seed = {args.seeds[0]: first}
        further = [each for each in (sets_table(seed), *budget_tables(seed)) if each.rows]
        write_stage_report(page, f'{Path(args.config).stem}, seed {args.seeds[0]}', first, tables=further)
        print(f'report: {page}')
    if without:
        print(f'no result (see above): {", ".join(without)}')
    return 1 if without else 0


def _without_result(stages: list[Stage], results: dict[int, list[StageResult]]) -> list[str]:
    """Stages without a result, with their seeds; no table contains them."""
    found = {(seed, stage.name) for seed, each in results.items() for stage in each}
    return [f'{stage.label} (seed {seed})' for seed in results for stage in stages if (seed, stage.name) not in found]
