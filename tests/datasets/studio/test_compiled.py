"""The folder of compiled kernels."""

from __future__ import annotations

from numba import config

from handkd.datasets.studio.compiled import cache_folder, kernels_cached_by_source


def test_the_folder_changes_with_any_source_and_only_then(tmp_path):
    (tmp_path / 'a.py').write_text('x = 1')
    (tmp_path / 'b.py').write_text('y = 1')
    first = cache_folder(tmp_path)
    assert cache_folder(tmp_path) == first
    (tmp_path / 'b.py').write_text('y = 2')
    assert cache_folder(tmp_path) != first


def test_numbas_own_setting_is_the_base_and_is_put_back(monkeypatch, tmp_path):
    monkeypatch.setattr(config, 'CACHE_DIR', str(tmp_path))
    with kernels_cached_by_source():
        assert config.CACHE_DIR.startswith(str(tmp_path / 'studio-'))
    assert str(tmp_path) == config.CACHE_DIR
