"""Helpers for error messages: the nearest right name, and errors in one line."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class ConfigError(ValueError):
    """A config is invalid, or names something that does not exist."""


def did_you_mean(name: object, options: Iterable[str]) -> str:
    """Return ``"did you mean 'x'?"`` if some option resembles ``name``, else ``"expected one of [...]"``."""
    options = sorted(options)
    near = get_close_matches(str(name), options, n=3, cutoff=0.6)
    if near:
        return 'did you mean ' + ' or '.join(repr(option) for option in near) + '?'
    return f'expected one of {options}' if len(options) <= 40 else 'no known name resembles it'


def check_keys(given: Iterable[str], allowed: Iterable[str], where: str) -> None:
    """Check that all keys are known.

    Raises:
        ConfigError: For the first unknown key; names the place, the key and the nearest right one.
    """
    allowed = set(allowed)
    for key in given:
        if key not in allowed:
            raise ConfigError(f'{where}: unknown key {key!r}; {did_you_mean(key, allowed)}')


def check_choice(value: object, choices: Iterable[str], where: str) -> None:
    """Check that a value is one of the known ones.

    Args:
        value: The value.
        choices: The known ones.
        where: What takes it, for the error, such as 'HandResNet(stem=...)'.

    Raises:
        ConfigError: If not; names the place, the value and the nearest right ones.
    """
    choices = list(choices)  # `in` of a dict or a set raises a TypeError for a list
    if value not in choices:
        raise ConfigError(f'{where}: there is no {value!r}; {did_you_mean(value, choices)}')


def one_line(error: BaseException) -> str:
    """Return an error's message in one line, with its type if the text alone would not be clear."""
    text = ' '.join(str(error.args[0] if isinstance(error, KeyError) and error.args else error).split())
    spoken = isinstance(error, (ValueError, OSError, ImportError)) or ' ' in text and isinstance(error, KeyError)
    return text if spoken and text else f'{type(error).__name__}: {text}'.rstrip(': ')
