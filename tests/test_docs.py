"""The documents are true as far as that is cheap to tell: links lead somewhere, commands and Python are handkd's."""

from __future__ import annotations

import argparse
import ast
import importlib
import re
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from handkd import cli
from handkd.apis.stages import read_stages
from handkd.config import load_config
from handkd.config_files import find_config
from handkd.lookup import find_class
from handkd.signatures import signature_of

from . import documents
from .documents import DOCUMENTS, ROOT, anchors, blocks, commands, links, name_of

by_document = pytest.mark.parametrize('document', DOCUMENTS, ids=name_of)
SITE_READMES = [
    *(('methods', path) for path in ROOT.glob('configs/*/README.md')),
    *(('examples', path) for path in ROOT.glob('examples/*/README.md')),
]
PLUGIN = {
    node.name
    for file in ROOT.glob('examples/plugin/hand_plugin/*.py')
    for node in ast.parse(file.read_text()).body
    if isinstance(node, ast.ClassDef)
}


# --- links -----------------------------------------------------------------------------------------------------------


@by_document
def test_links_lead_to_files_and_headings(document):
    for file, anchor in links(document):
        target = (document.parent / file).resolve() if file else document
        assert target.exists() and target.is_relative_to(ROOT), f'{name_of(document)}: no file {file}'
        assert not anchor or anchor in anchors(target), f'{name_of(document)}: no heading #{anchor} in {target.name}'


def test_an_anchor_is_that_of_its_heading(tmp_path):
    page = tmp_path / 'page.md'
    page.write_text('# HO-3D, *v3*: `--find-hands`\n\n## A [link](x.md) of 2 px\n\n```bash\n# no heading\n```\n')
    assert anchors(page) == {'ho-3d-v3---find-hands', 'a-link-of-2-px'}


def test_the_model_index_names_files():
    index = yaml.safe_load((ROOT / 'model-index.yml').read_text())
    named = [*(model['Config'] for model in index['Models']), *(entry['README'] for entry in index['Collections'])]
    assert [file for file in named if not (ROOT / file).is_file()] == []
    assert {model['In Collection'] for model in index['Models']} == {entry['Name'] for entry in index['Collections']}


# --- commands --------------------------------------------------------------------------------------------------------


class Parsed(Exception):
    """Ends a command once its arguments are read."""


@pytest.fixture
def parse(monkeypatch):
    """Function that reads a command's arguments by its own parser, and returns them."""
    real = argparse.ArgumentParser.parse_known_args
    depth = 0

    def parse_known_args(self, args=None, namespace=None):
        nonlocal depth
        depth += 1
        try:
            found, unknown = real(self, args, namespace)
        finally:
            depth -= 1
        if depth:  # a subcommand's parser, called by that of the command
            return found, unknown
        if unknown:
            self.error(f'unrecognized arguments: {" ".join(unknown)}')
        raise Parsed(found)

    def error(self, message):
        raise ValueError(message)

    monkeypatch.setattr(argparse.ArgumentParser, 'parse_known_args', parse_known_args)
    monkeypatch.setattr(argparse.ArgumentParser, 'error', error)

    def read(words):
        name, *rest = words
        try:
            importlib.import_module(f'handkd.commands.{cli.COMMANDS[name]}').main(rest)
        except Parsed as parsed:
            return parsed.args[0]
        raise AssertionError(f'{words} ran')

    return read


@cache
def stage_names(config: Path) -> set[str]:
    """Names of a config's stages."""
    return {stage.name for stage in read_stages(config)}


def is_example(config: str) -> bool:
    """Whether a config stands for one of the reader's: 'CONFIG', or a file that is not in the repository."""
    return config.isupper() or config.startswith(('work_dirs/', 'my_')) or config == 'synergies_studio.py'


def check_config(command: str, args: argparse.Namespace) -> None:
    """Fail if the config, its stages, teacher or overridden keys do not exist."""
    config = getattr(args, 'config', None)
    released = command == 'release' and args.check  # the name of a student instead
    if not isinstance(config, str) or is_example(config) or released:
        return
    path = find_config(ROOT / config if (ROOT / config).is_file() else config)
    if 'plugin' in path.parts:  # needs its package, which tests/test_plugin.py installs
        return
    options = {key: value for key, value in (getattr(args, 'cfg_options', None) or {}).items() if value != 'W'}
    if hasattr(args, 'only'):
        names = stage_names(path)
        assert names and {*(args.only or ()), *filter(None, [args.against])} <= names, f'stages: {sorted(names)}'
    elif options or getattr(args, 'teacher', None):
        cfg = load_config(path, options, only=f'{args.split}_dataloader' if command in ('browse', 'pack') else None)
        assert getattr(args, 'teacher', None) in (None, *cfg.get('model', {}).get('teachers', ()))


@by_document
def test_commands_are_read_by_their_parsers(document, parse):
    for place, (program, *words) in commands(document):
        if program == 'handkd' and len(words) > 1 and not words[0].isupper():
            try:
                check_config(words[0], parse(words))
            except ValueError as error:  # in prose a command may stand without its arguments
                if ':' in place or not re.search('arguments are required|expected .*one argument', str(error)):
                    raise AssertionError(f'{place}: handkd {" ".join(words)}: {error}') from error
        elif program == 'make':
            targets = re.findall(r'^([\w-]+):', (ROOT / 'Makefile').read_text(), re.MULTILINE)
            assert {word for word in words if '=' not in word} <= set(targets), f'{place}: make {words}'
        elif program.startswith('tools/'):
            assert (ROOT / program).is_file(), f'{place}: {program}'


def test_commands_are_found_in_blocks_and_in_prose(tmp_path, monkeypatch):
    monkeypatch.setattr(documents, 'ROOT', tmp_path)
    page = tmp_path / 'page.md'
    page.write_text(
        'Prose: `handkd check a/b\n--split test`, `handkd train ... --resume`, `handkd train`.\n\n```bash\n'
        "O='a.b=1\n   c.d=2'\nW=work_dirs/x # a folder\nOMP_NUM_THREADS=1 handkd train $W/c.py --cfg-options $O  # c\n"
        'cd web && make web \\\n  MODEL=x.onnx; tools/dist_test.sh a b 2\n```\n'
    )
    assert list(commands(page)) == [
        ('page.md:4', ['handkd', 'train', 'work_dirs/x/c.py', '--cfg-options', 'a.b=1', 'c.d=2']),
        ('page.md:4', ['make', 'web', 'MODEL=x.onnx']),
        ('page.md:4', ['tools/dist_test.sh', 'a', 'b', '2']),
        ('page.md', ['handkd', 'check', 'a/b', '--split', 'test']),
    ]


@pytest.mark.parametrize('words', ['train pmd/demo --teachers depth', 'visualize poses a b --nun 3', 'plot los a'])
def test_wrong_options_are_noticed(parse, words):
    with pytest.raises(ValueError):
        parse(words.split())


# --- Python ----------------------------------------------------------------------------------------------------------


def calls_with_type(tree: ast.AST) -> Iterator[tuple[str, set[str]]]:
    """``type`` and the other arguments of each ``dict(type='Name', ...)``, without those of schedules."""
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.keyword) and node.arg in ('schedule', 'strategy')
        for inner in ast.walk(node.value)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, 'id', '') == 'dict' and id(node) not in skipped:
            values = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
            if isinstance(kind := values.pop('type', None), ast.Constant):
                yield kind.value, set(values)


@by_document
def test_python_is_handkds(document):
    for place, block in blocks(document, 'python'):
        tree = ast.parse(re.sub(r',\s*\.\.\.(?=\s*[,)])', '', block), place)  # 'dict(a=1, ...)' leaves out the rest
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                module = importlib.import_module(node.module)
                assert [name.name for name in node.names if not hasattr(module, name.name)] == [], place
            elif isinstance(node, ast.Import):
                assert all(find_spec(name.name) for name in node.names), place
            elif isinstance(node, ast.Assign) and getattr(node.targets[0], 'id', '') == '_base_':
                assert find_config(ast.literal_eval(node.value)), place
        for kind, given in calls_with_type(tree):
            target = find_class(kind)[1]
            assert target is not None or kind in PLUGIN, f"{place}: no class '{kind}'"
            if target is not None and not (signature := signature_of(target)).takes_any:
                unknown = given - set(signature.arguments) - {'_delete_', 'init_cfg', '_scope_'}
                assert unknown == set(), f'{place}: {kind} takes no {unknown}'


# --- the site --------------------------------------------------------------------------------------------------------


def test_the_navigation_names_pages():
    text = (ROOT / 'mkdocs.yml').read_text()
    named = set(re.findall(r'^ +- .*?(\S+\.md)$', text[: text.index('\ntheme:')], re.MULTILINE))
    assert len(named) > 20
    made = {f'{name}/{path.parent.name}.md' for name, path in SITE_READMES}
    missing = named - made - {path.name for path in ROOT.glob('docs/*.md')}
    assert missing == {
        'index.md',
        'security-policy.md',
        'contributing.md',
        'changelog.md',
        'zoo.md',
    }  # files of the root
