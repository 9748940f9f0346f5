"""The command ``handkd``: a table of subcommands, each a module of :mod:`handkd.commands`, loaded when it is called."""

from __future__ import annotations

import ast
import re
import sys
from importlib import import_module
from pathlib import Path

from . import __version__
from .apis.cli import run_cli
from .hints import check_choice

COMMANDS = {
    'train': 'train',
    'test': 'test',
    'stages': 'stages',
    'results': 'results',
    'infer': 'infer',
    'export': 'export',
    'release': 'release',
    'evaluate': 'evaluate',
    'gap': 'gap',
    'configs': 'configs',
    'config': 'print_config',
    'check': 'check_dataset',
    'pack': 'pack_dataset',
    'write': 'write_dataset',
    'browse': 'browse_dataset',
    'label': 'label',
    'plot': 'plot',
    'visualize': 'visualize',
    'probe': 'probe',
    'complexity': 'complexity',
    'benchmark': 'benchmark',
    'limits': 'gather_angle_limits',
    'dictionary': 'build_dictionary',
    'backgrounds': 'median_backgrounds',
    'env': 'collect_env',
}
"""Subcommand -> module of :mod:`handkd.commands`, whose name is accepted too."""


def main(argv: list[str] | None = None) -> None:
    """Run the subcommand that the first argument names, with the others, and exit.

    Args:
        argv: The arguments. Defaults to None: those of the process.
    """
    words = sys.argv[1:] if argv is None else argv
    if not words or words[0] in ('-h', '--help'):
        print(help_text())
    elif words[0] == '--version':
        print(f'handkd {__version__}')
    else:
        run_cli(_dispatch, words)


def _dispatch(words: list[str]) -> int | None:
    """Call the subcommand that the first word names, under that name in its usage."""
    name = words[0]
    module = COMMANDS.get(name, name.replace('-', '_'))
    if module not in COMMANDS.values():
        check_choice(name, COMMANDS, 'handkd')
    sys.argv = [f'handkd {name}', *words[1:]]
    return import_module(f'handkd.commands.{module}').main(words[1:])


def run_command(module: str) -> None:
    """Run a module of :mod:`handkd.commands` as the script that was started, and exit.

    Args:
        module: Its name.
    """
    run_cli(lambda argv: import_module(f'handkd.commands.{module}').main(argv))


def help_text() -> str:
    """Return the help of ``handkd``, one line per subcommand; imports none of them."""
    width = max(map(len, COMMANDS))
    lines = [f'  {name:{width}}  {summary(module)}' for name, module in COMMANDS.items()]
    return '\n'.join([
        'usage: handkd COMMAND ...\n',
        'Train small hand-pose networks with knowledge that is available only in training.\n',
        'commands:',
        *lines,
        '\n`handkd COMMAND --help` describes one; `handkd configs` lists the names that CONFIG can be.',
    ])  # fmt: skip


def summary(module: str) -> str:
    """Return how the docstring of a module of :mod:`handkd.commands` begins, without importing it.

    Args:
        module: Its name.
    """
    source = Path(__file__).with_name('commands') / f'{module}.py'
    text = ast.get_docstring(ast.parse(source.read_text(encoding='utf-8'))) or ''
    return re.split(r'[:;\n]', text)[0].rstrip('.')
