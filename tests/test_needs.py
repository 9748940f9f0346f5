import inspect
import pickle

import pytest

from handkd.hints import ConfigError
from handkd.models import AngleRegularizer
from handkd.needs import missing, needs, needs_of


class Plain:
    def __init__(self, size: int, limits: str, weights: str | None = None) -> None:
        self.given = size, limits, weights


@needs(limits='angle_limits.file', weights='feature_network.checkpoint')
class Declaring(Plain):
    """Declares both."""

    def __init__(self, size: int, limits: str, weights: str | None = None) -> None:
        super().__init__(size, limits, weights)


@needs(folder='Backgrounds')
class Inheriting(Declaring):
    def __init__(self, folder: str, limits: str) -> None:
        super().__init__(3, limits=limits)
        self.folder = folder


def test_a_declaration_is_read_and_inherited():
    assert needs_of(Declaring) == dict(limits='angle_limits.file', weights='feature_network.checkpoint')
    assert needs_of(Inheriting) == {**needs_of(Declaring), 'folder': 'Backgrounds'}
    assert needs_of(Plain) == needs_of(None) == needs_of(print) == {}
    assert Declaring(1, 'a').given == (1, 'a', None) and Inheriting('f', limits='b').given == (3, 'b', None)


def test_a_declared_class_keeps_its_signature_and_can_be_pickled():
    assert inspect.signature(Declaring) == inspect.signature(Plain)
    assert pickle.loads(pickle.dumps(Inheriting('f', 'b'))).folder == 'f'
    with pytest.raises(TypeError, match="unexpected keyword argument 'sise'"):
        Declaring(1, 'a', sise=3)
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'size'"):
        Declaring(limits='a')


def test_an_unknown_argument_is_refused():
    with pytest.raises(ConfigError, match=r"needs\(Plain\): unknown key 'limit'; did you mean 'limits'"):
        needs(limit='angle_limits.file')(Plain)
    assert needs_of(Plain) == {}


def test_a_missing_path_says_where_it_comes_from():
    for build in (lambda: Declaring(3), lambda: Inheriting('f'), AngleRegularizer):
        with pytest.raises(
            ConfigError, match=r"missing argument 'limits', .*angle_limits\.file.*load_config"
        ) as caught:
            build()
        assert '\n' not in str(caught.value)
    assert missing('folder', 'Backgrounds') == "missing argument 'folder'"
