"""Render the page's example pictures with the hand studio: web/public/examples/hand_*.jpg.

python web/scripts/make_examples.py
"""

from __future__ import annotations

from pathlib import Path

import cv2

from handkd.studio import StudioDataset

FOLDER = Path(__file__).resolve().parents[1] / 'public/examples'
SAMPLES = (10, 1, 22, 7)
"""Numbers of the samples in the test split."""
SIZE = 320


def main() -> None:
    """Render the pictures; the same files each time."""
    # Upright hands, like the demo's, in the middle: a 3D network's hand is placed in the middle of its square.
    upright = dict(view=50.0)
    hands = StudioDataset('test', 100, modalities=('rgb',), resolution=SIZE, crop_noise=None, randomisation=upright)
    FOLDER.mkdir(parents=True, exist_ok=True)
    for number, sample in enumerate(SAMPLES, 1):
        path = FOLDER / f'hand_{number}.jpg'
        cv2.imwrite(str(path), hands[sample]['img'], [cv2.IMWRITE_JPEG_QUALITY, 85])


if __name__ == '__main__':
    main()
