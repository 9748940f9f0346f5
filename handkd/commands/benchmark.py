"""Measure speed, mostly as ratios to a reference.

handkd benchmark NAME [...]; --help lists the names.
"""

from __future__ import annotations

import sys

from handkd.hints import check_keys

from .benchmarks import (
    busy,
    cache,
    data,
    ddp,
    distillers,
    index,
    inference,
    joint_networks,
    labels,
    restoration,
    step,
    studio,
)

BENCHMARKS = {
    'studio': studio.run,
    'step': step.run,
    'busy': busy.run,
    'ddp': ddp.run,
    'cache': cache.run,
    'distillers': distillers.run,
    'data': data.run,
    'index': index.run,
    'labels': labels.run,
    'restoration': restoration.run,
    'joints': joint_networks.run,
    'infer': inference.run,
}


def main(argv: list[str] | None = None) -> None:
    """Run the benchmark named by the first argument; the rest are its options."""
    argv = sys.argv[1:] if argv is None else argv
    if not argv or argv[0] in ('-h', '--help'):
        print(f'{__doc__}\n\nbenchmarks: {", ".join(BENCHMARKS)}')
        return
    check_keys(argv[:1], BENCHMARKS, 'benchmark')
    BENCHMARKS[argv[0]](argv[1:])
