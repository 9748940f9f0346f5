"""Allowed and required arguments of the classes and functions in a config."""

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
        arguments: All named arguments, for a class with those of the bases to which it passes its ``**kwargs``.
        required: Those of its own signature without a default.
        takes_any: Whether it accepts others as well and uses them itself.
    """

    arguments: Mapping[str, Parameter]
    required: tuple[str, ...]
    takes_any: bool

    def no_numbers(self, given: Mapping[str, object]) -> dict[str, str]:
        """Return the strings given for arguments that are numbers by their annotation and their default."""
        return {
            name: value
            for name, value in given.items()
            if isinstance(value, str) and name in self.arguments and _is_number(self.arguments[name])
        }


def signature_of(target: object) -> Signature:
    """Return the signature of a class or function."""
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
    """Return the function itself, or a class's constructors, its own first."""
    if not inspect.isclass(target):
        return [target]
    # nn.Module accepts any argument only to raise an error for it.
    return [
        vars(cls)['__init__'] for cls in target.__mro__ if '__init__' in vars(cls) and cls not in (nn.Module, object)
    ]


def _split(function: object, skip_self: bool) -> tuple[dict[str, Parameter], str | None]:
    """Return the named parameters of a function, and the name of its ``**kwargs``, if it has any."""
    parameters = list(inspect.signature(function).parameters.values())[int(skip_self) :]
    rest = next((p.name for p in parameters if p.kind is Parameter.VAR_KEYWORD), None)
    return {p.name: p for p in parameters if p.kind not in (Parameter.VAR_KEYWORD, Parameter.VAR_POSITIONAL)}, rest


def _is_handed_on(constructor: object, rest: str) -> bool:
    """Whether a constructor only passes its ``**kwargs`` to the constructor of a base."""
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
