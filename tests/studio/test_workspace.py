import numpy as np

from handkd.studio.workspace import make_workspace


def test_buffers_have_the_size_of_the_image_and_of_its_shadow_map():
    work = make_workspace(64)
    assert work.z.shape == work.ids.shape == work.soft.shape == (64, 64) and work.z.dtype == np.float64
    assert work.normals.shape == work.light.shape == (64, 64, 3) and work.light.dtype == np.float32
    assert work.zmap.shape == work.cover.shape == work.shadow_ids.shape == (60, 60)
    assert make_workspace(128).zmap.shape == (80, 80)
