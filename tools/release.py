"""Calls ``handkd.commands.release``; ``--help`` describes it."""

from handkd.cli import run_command

if __name__ == '__main__':
    run_command('release')
