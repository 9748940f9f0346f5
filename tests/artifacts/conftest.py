import pytest
from mmengine.registry import init_default_scope


@pytest.fixture(autouse=True)
def scope():
    """As after load_config, which comes before all else in the tools."""
    init_default_scope('handkd')
