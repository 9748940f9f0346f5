"""Command-line values written as in a config file: dicts, and lists of them."""

from __future__ import annotations

import ast
import re

_WORDS = {'true': True, 'false': False}
"""Booleans of MMEngine's own reader of options, in addition to Python's."""


def holds_dicts(text: str) -> bool:
    """Whether a value contains a dict or a call, which MMEngine's own reader of options can't read.

    ``{labels}`` in a path is neither, but the placeholder of an artifact.
    """
    return bool(re.search(r'\{(?!\w+\})|\w\s*\(', text))


def read_value(text: str) -> object:
    """Read a value written as in a config file, without running code.

    It may consist of numbers, strings, booleans, None, lists, tuples, ``{'key': value}`` and ``dict(key=value)``.
    Names, plain or dotted, are strings, so that quotation marks, which a shell removes, may be missing.

    Args:
        text: Such as ``[dict(type='EMAHook', momentum=1e-4)]``.

    Raises:
        ValueError: If it contains anything else; names that.
    """
    try:
        tree = ast.parse(text.strip(), mode='eval')
        return _value(tree.body)
    except (SyntaxError, TypeError, RecursionError, MemoryError) as error:  # a list as a key is a TypeError
        cause = 'it is nested too deeply' if isinstance(error, (RecursionError, MemoryError)) else error.args[0]
        raise ValueError(f'{text!r} can not be read: {cause}') from None


def _value(node: ast.expr) -> object:
    """Return the value of a node of an expression."""
    if isinstance(node, (ast.List, ast.Tuple)):
        values = [_value(item) for item in node.elts]
        return values if isinstance(node, ast.List) else tuple(values)
    if isinstance(node, ast.Dict) and None not in node.keys:
        return {_value(key): _value(value) for key, value in zip(node.keys, node.values)}
    if isinstance(node, ast.Call) and ast.unparse(node.func) == 'dict' and not node.args:
        arguments = {keyword.arg: keyword.value for keyword in node.keywords}
        if None not in arguments:  # **others
            return {name: _value(value) for name, value in arguments.items()}
    if isinstance(node, ast.Name):
        return _WORDS.get(node.id, node.id)
    if isinstance(node, ast.Attribute) and isinstance(_value(node.value), str):
        return ast.unparse(node)
    try:
        return ast.literal_eval(node)
    except ValueError:
        raise ValueError(
            f'{ast.unparse(node)!r} is not a number, string, list, tuple, {{...}} or dict(key=value)'
        ) from None
