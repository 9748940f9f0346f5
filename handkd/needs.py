"""Declaration of the arguments of a class that are paths of artifacts, which must exist before a training starts."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping

from .hints import ConfigError, check_keys


def needs(**arguments: str) -> Callable[[type], type]:
    """Declare arguments of a registered class that are paths of artifacts (:mod:`handkd.artifacts`).

    ``@needs(limits='angle_limits.file')`` means: ``limits`` is the path ``file`` of the config's entry
    ``angle_limits``. A config need not repeat the path in the settings of the class, and the file is made, or checked,
    before the class is built. The declaration is stored as the class attribute ``artifacts``, which subclasses inherit.

    Args:
        **arguments: Name of an argument -> 'entry.key' of the config, or the name of a kind of artifact that has no
            entry: then the settings around the class describe it, as the recipe of a pack does.

    Raises:
        ConfigError: If the class has no such argument; names the nearest right one.
    """

    def declare(cls: type) -> type:
        known = inspect.signature(cls).parameters
        check_keys(arguments, known, f'needs({cls.__name__})')
        cls.artifacts = {**needs_of(cls), **arguments}
        empty = inspect.Parameter.empty
        required = [name for name in cls.artifacts if name in known and known[name].default is empty]
        if required:
            cls.__init__ = _explained(cls.__init__, required)
        return cls

    return declare


def needs_of(cls: object) -> Mapping[str, str]:
    """Return the declaration of a class: argument -> 'entry.key' or name of a kind; empty for other classes."""
    declared = getattr(cls, 'artifacts', None)
    return declared if isinstance(declared, Mapping) else {}


def _explained(constructor: Callable, required: list[str]) -> Callable:
    """Return a constructor whose error for a missing path says where the path comes from."""
    signature = inspect.signature(constructor)

    @functools.wraps(constructor)
    def construct(self: object, *args: object, **kwargs: object) -> None:
        try:
            given = signature.bind_partial(self, *args, **kwargs).arguments
        except TypeError:  # the constructor itself raises it
            given = dict.fromkeys(required)
        for name in required:
            if name not in given:
                raise ConfigError(f'{type(self).__name__}: {missing(name, needs_of(type(self))[name])}')
        constructor(self, *args, **kwargs)

    return construct


def missing(argument: str, reference: str) -> str:
    """Return the text of the error for a missing argument that is the path of an artifact.

    Args:
        argument: Its name.
        reference: Its declaration, 'entry.key' or the name of a kind.
    """
    entry, _, key = reference.partition('.')
    text = f'missing argument {argument!r}'
    if not key:
        return text
    return (
        f"{text}, the path of the config's {reference}: set {entry}=dict({key}=PATH, ...) in the config, and read it "
        'with handkd.config.load_config or call handkd.artifacts.ensure_artifacts(cfg), which also makes the file'
    )
