"""A network and a detector without torch, for images with one bright spot."""

from pathlib import Path

import numpy as np

from handkd.inference import inferencer
from handkd.inference.crops import CropSpec, HandView
from handkd.inference.inferencer import HandInferencer
from handkd.inference.networks import NetworkFacts
from handkd.inference.videos import VideoWriter


class SpotNetwork:
    """A network without torch: all joints lie around the centre of the light in its crop, in a pose of one side.

    Attributes:
        sizes: Numbers of crops that it was given together.
    """

    def __init__(self, trained_on: str = 'both', pixels: bool = True) -> None:
        self.facts = NetworkFacts('spot', 'rgb', CropSpec(size=48), trained_on=trained_on, pixels=pixels)
        self.sizes: list[int] = []
        rng = np.random.default_rng(1)
        self._offsets = rng.permuted(np.tile(np.linspace(-19, 19, 21), (2, 1)), axis=1).T  # as large as the box
        self._pose = rng.normal(size=(21, 3))

    def __call__(self, views: list[HandView]) -> list[dict]:
        self.sizes.append(len(views))
        return [self._look(view.pixels.astype(float).sum(2)) for view in views]

    def _look(self, light: np.ndarray) -> dict:
        rows, columns = np.indices(light.shape)
        light = light + 1e-9
        centre = np.array([(columns * light).sum(), (rows * light).sum()]) / light.sum()
        found = dict(keypoints_xyz=self._pose * (1 + centre.mean() / 100))
        if self.facts.pixels:
            found |= dict(keypoints=centre + self._offsets, keypoint_scores=np.ones(21))
        return found


def make_inferencer(monkeypatch, network: SpotNetwork | None = None, **settings) -> HandInferencer:
    network = network or SpotNetwork()
    monkeypatch.setattr(inferencer, 'open_network', lambda *args: network)
    return HandInferencer(**settings)


def spot(x: float, y: float, size: tuple[int, int] = (90, 120)) -> np.ndarray:
    """An image with one bright spot."""
    rows, columns = np.indices(size)
    light = 255 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 6.0**2))
    return np.repeat(light.astype(np.uint8)[..., None], 3, 2)


def box_around(x: float, y: float) -> tuple[float, ...]:
    return (x - 15, y - 15, 30, 30)


def detect(image: np.ndarray) -> tuple:
    """Find the spot, if there is one."""
    light = image[..., 0].astype(float)
    if light.max() < 100:
        return [], [], None
    rows, columns = np.indices(light.shape)
    x, y = (columns * light).sum() / light.sum(), (rows * light).sum() / light.sum()
    return [box_around(x, y)], [0.9], ['left']


def make_clip(folder: Path) -> Path:
    """Write a video of a spot that moves to the right, 12 frames, 2 px each."""
    with VideoWriter(folder / 'clip.mp4', 20.0) as writer:
        for i in range(12):
            writer.write(spot(40 + 2 * i, 45))
    return folder / 'clip.mp4'
