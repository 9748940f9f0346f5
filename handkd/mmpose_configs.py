"""Unchanged configs of MMPose: their scope, and the classes that they name in MMDetection."""

from __future__ import annotations

from mmengine.config import Config

from .compat import how_to_install, is_absent
from .lookup import find_class, typed_dicts

_MMDET = 'mmdet.'
SIBLINGS = ('mmpretrain', 'mmdet', 'mmseg')
"""Packages beside MMPose whose classes a config may name with their package's prefix."""


def use_mmpose_classes(cfg: Config) -> None:
    """Let a config of MMPose name handkd's classes as well, and do without MMDetection where MMPose does, in place.

    - ``default_scope='mmpose'`` becomes 'handkd': its registries are children of MMPose's, so all is found as before.
    - Where MMDetection is not installed, classes of which MMPose or handkd has its own are these:
      ``mmdet.YOLOXHSVRandomAug`` and, with ``_scope_='mmdet'``, ``CSPNeXt``.

    Args:
        cfg: Any config.
    """
    if cfg.get('default_scope') == 'mmpose':
        cfg.default_scope = 'handkd'
    if not is_absent('mmdet'):
        return
    for _, node in typed_dicts(cfg._cfg_dict, ''):
        name = str(node['type']).removeprefix(_MMDET)
        marked = node.get('_scope_') == 'mmdet' or str(node['type']).startswith(_MMDET)
        if marked and find_class(name)[1] is not None:
            node['type'] = name
            node.pop('_scope_', None)


def absent_package(kind: object) -> str | None:
    """Return what to install for a class that is not registered; None if its package is installed, or none of these.

    Args:
        kind: A ``type`` of a config, such as 'mmdet.Mosaic'.
    """
    package = str(kind).partition('.')[0]
    if package not in SIBLINGS or not is_absent(package):
        return None
    command = how_to_install('mmdet') if package == 'mmdet' else f'pip install {package}'
    return f'{kind!r} needs the package {package}: {command}'
