"""Extension of griffe: docstrings are Markdown in the site, so Sphinx's roles become plain code."""

from __future__ import annotations

import re

from griffe import Extension, Object


class PlainRoles(Extension):
    """Turns ``:class:`~handkd.hand.Hand``` into the name alone."""

    def on_instance(self, *, obj: Object, **_: object) -> None:
        """Change the docstring of a module, class, function or attribute."""
        if obj.docstring:
            obj.docstring.value = plain_roles(obj.docstring.value)


def plain_roles(text: str) -> str:
    """Return a docstring whose roles are code: the last part of the name where it begins with '~', else all of it."""
    text = re.sub(r':\w+:`~([\w.]*?)(\w+)`', r'`\2`', text)
    return re.sub(r':\w+:`\.?([^`]+)`', r'`\1`', text)
