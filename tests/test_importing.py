import sys
import types

import pytest

from handkd.importing import lazy_names, optional_package


def test_a_name_is_imported_at_its_first_use_and_kept(monkeypatch):
    package = types.ModuleType('handkd_lazy')
    package.__all__ = ['JOINTS', 'near']
    package.near = 1
    monkeypatch.setitem(sys.modules, 'handkd_lazy', package)
    package.__getattr__, package.__dir__ = lazy_names('handkd_lazy', {'JOINTS': 'handkd.hand'})
    assert 'JOINTS' not in vars(package) and {'JOINTS', 'near'} <= {*dir(package)}
    joints = package.JOINTS
    assert joints[0] == 'wrist' and vars(package)['JOINTS'] is joints
    with pytest.raises(AttributeError, match="module 'handkd_lazy' has no attribute 'JOINT'"):
        _ = package.JOINT


def test_a_missing_package_is_named_with_the_call_of_pip(monkeypatch):
    assert optional_package('json') is sys.modules['json']
    monkeypatch.setitem(sys.modules, 'absent_package', None)
    with pytest.raises(ModuleNotFoundError, match='handkd needs absent_package: pip install absent_package'):
        optional_package('absent_package')
