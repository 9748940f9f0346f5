"""The 'dark' refinement as operators, against MMPose's function limited to a cell."""

import numpy as np
import torch
from mmpose.codecs.utils import refine_keypoints_dark

from handkd.export.dark import refine


def test_refinement_is_mmposes_limited_to_a_cell():
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:12, :16]
    centers = rng.uniform([-1, -1], [16, 12], (40, 2))  # some next to the edge, where nothing is refined
    maps = np.exp(-((columns - centers[:, :1, None]) ** 2 + (rows - centers[:, 1:, None]) ** 2) / 4)
    maps = np.float32(maps + rng.uniform(0, 0.02, maps.shape))
    maps[0] = 0.5  # flat
    best = maps.reshape(40, -1).argmax(1)
    coarse = np.float32(np.stack([best % 16, best // 16], -1))
    wanted = refine_keypoints_dark(coarse[None].copy(), maps.copy(), 3)[0]
    wanted = coarse + np.clip(wanted - coarse, -1, 1)
    found = refine(torch.tensor(coarse)[None], torch.tensor(maps)[None])[0].numpy()
    np.testing.assert_allclose(found, wanted, atol=2e-4)
    inner = ((centers > 2.5) & (centers < [12.5, 8.5])).all(1)
    inner[0] = False
    refined, rough = (np.abs(places - centers)[inner].mean() for places in (found, coarse))
    assert inner.sum() > 10 and refined < 0.5 * rough
