"""What all tests share."""

from collections import Counter

import pytest
from PIL import Image, ImageOps

from handkd.files import cache_root


@pytest.fixture(autouse=True, scope='session')
def index_cache(tmp_path_factory):
    """Keep the indices of data sets out of the user's own cache, but not the studio's compiled kernels."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('NUMBA_CACHE_DIR', str(cache_root()))
        patch.setenv('XDG_CACHE_HOME', str(tmp_path_factory.mktemp('cache')))
        yield


LOSSY = dict(quality=95, subsampling=0)
PHOTOGRAPHS = {
    'jpg': LOSSY,
    'mpo': dict(LOSSY, save_all=True, append_images=[Image.new('RGB', (8, 6))]),
    'png': {},
    'webp': dict(lossless=True),
    'tiff': {},
    'lzw.tiff': dict(compression='tiff_lzw'),
}
"""Ending of a photograph's name -> how Pillow is to write it."""


@pytest.fixture(scope='session', params=PHOTOGRAPHS)
def photograph(request):
    """A function that writes a BGR image as a camera that is held otherwise does: turned, with the tag that turns back.

    It takes the image, the folder and the orientation, 1 to 8, and returns the path; each test with it is run for all
    formats that have the tag.
    """

    def write(image, folder, orientation):
        exif = Image.Exif()
        exif[0x0112] = {6: 8, 8: 6}.get(orientation, orientation)  # all others undo themselves
        stored = Image.fromarray(image[..., ::-1].copy())
        stored.getexif().update(exif)
        stored = ImageOps.exif_transpose(stored)
        exif[0x0112] = orientation
        path = folder / f'photograph{orientation}.{request.param}'
        kind = request.param.rpartition('.')[2]
        stored.save(path, {'jpg': 'JPEG'}.get(kind, kind.upper()), exif=exif, **PHOTOGRAPHS[request.param])
        return path

    return write


def pytest_collection_modifyitems(items):
    """Begin with files that train, and then with those of many tests: a long one that comes last is waited for."""
    training = {item.path for item in items if item.get_closest_marker('training')}
    tests = Counter(item.path for item in items)
    items.sort(key=lambda item: (item.path not in training, -tests[item.path], item.path))
