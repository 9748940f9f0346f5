"""What all tests share."""

from collections import Counter

import pytest

from handkd.files import cache_root


@pytest.fixture(autouse=True, scope='session')
def index_cache(tmp_path_factory):
    """Keep the indices of data sets out of the user's own cache, but not the studio's compiled kernels."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('NUMBA_CACHE_DIR', str(cache_root()))
        patch.setenv('XDG_CACHE_HOME', str(tmp_path_factory.mktemp('cache')))
        yield


def pytest_collection_modifyitems(items):
    """Begin with files that train, and then with those of many tests: a long one that comes last is waited for."""
    training = {item.path for item in items if item.get_closest_marker('training')}
    tests = Counter(item.path for item in items)
    items.sort(key=lambda item: (item.path not in training, -tests[item.path], item.path))
