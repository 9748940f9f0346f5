"""Calls ``handkd.commands.collect_env``; ``--help`` describes it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # handkd may not be installed

from handkd.cli import run_command  # noqa: E402

if __name__ == '__main__':
    run_command('collect_env')
