"""What a class or function of a config may and must be given."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from inspect import Parameter

from torch import nn


@dataclass(frozen=True)
class Signature:
    """The arguments of a class or function.

    Attributes:
        arguments: All that it names, a class together with the bases to which it hands on its ``**kwargs``.
        required: Those that its own signature names without a default.
        takes_any: Whether it takes others as well and does something of its own with them.
    """

    arguments: Mapping[str, Parameter]
    required: tuple[str, ...]
    takes_any: bool

    def no_numbers(self, given: Mapping[str, object]) -> dict[str, str]:
        """Return the texts that are given for arguments which are numbers by their annotation and their default."""
        return {
            name: value
            for name, value in given.items()
            if isinstance(value, str) and name in self.arguments and _is_number(self.arguments[name])
        }


def signature_of(target: object) -> Signature:
    """Return what a class or function takes."""
    arguments: dict[str, Parameter] = {}
    required: tuple[str, ...] | None = None
    for function in _called(target):
        named, rest = _split(function, skip_self=inspect.isclass(target))
        for name, parameter in named.items():
            arguments.setdefault(name, parameter)
        if required is None:
            required = tuple(name for name, parameter in named.items() if parameter.default is Parameter.empty)
        if rest is None:
            return Signature(arguments, required, False)
        if not inspect.isclass(target) or not _is_handed_on(function, rest):
            return Signature(arguments, required, True)
    return Signature(arguments, required or (), False)


def _called(target: object) -> list:
    """The function itself, or a class's constructors, its own first."""
    if not inspect.isclass(target):
        return [target]
    # nn.Module takes anything, to say that it takes nothing.
    return [
        vars(cls)['__init__'] for cls in target.__mro__ if '__init__' in vars(cls) and cls not in (nn.Module, object)
    ]


def _split(function: object, skip_self: bool) -> tuple[dict[str, Parameter], str | None]:
    """The named parameters of a function, and the name of that for all others, if it has one."""
    parameters = list(inspect.signature(function).parameters.values())[int(skip_self) :]
    rest = next((p.name for p in parameters if p.kind is Parameter.VAR_KEYWORD), None)
    return {p.name: p for p in parameters if p.kind not in (Parameter.VAR_KEYWORD, Parameter.VAR_POSITIONAL)}, rest


def _is_handed_on(constructor: object, rest: str) -> bool:
    """Whether all that a constructor does with its ``**kwargs`` is to hand them to the constructor of a base."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(constructor)))
    except (OSError, SyntaxError, TypeError):  # made without a file
        return False
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    to_bases = [call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == '__init__']
    handed = [key for call in to_bases for key in call.keywords if key.arg is None and _is_name(key.value, rest)]
    return len(handed) == sum(_is_name(node, rest) for node in ast.walk(tree)) > 0


def _is_name(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _is_number(parameter: Parameter) -> bool:
    default, annotation = parameter.default, inspect.formatannotation(parameter.annotation)
    texts = parameter.annotation is Parameter.empty or any(word in annotation for word in ('str', 'Any', 'object'))
    return isinstance(default, (int, float)) and not isinstance(default, bool) and not texts
