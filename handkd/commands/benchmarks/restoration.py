"""Cost of restoring part maps by a dictionary of patches: images per second, bytes per patch, and recall.

The studio draws the dictionary's maps and, of other subjects, those to restore, 48 x 48 px. Speed is measured on maps
in which some pixels have the label of a pixel near by, as in predictions; a round measures every step once, and an
exact search of a few patches, so that a ratio compares neighbours in time. The last column is an extrapolation: bytes
per patch are those of the largest dictionary, and images per second follow a power law through the two largest ones.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from statistics import median

import faiss
import numpy as np

from handkd.files import cache_root
from handkd.restoration import (
    ExactSearch,
    IndexedSearch,
    PatchDictionary,
    Restorer,
    build_dictionary,
    hand_pixels,
    measure_search,
    open_search,
)
from handkd.restoration.indexing import EXACT_BELOW
from handkd.restoration.voting import vote
from handkd.studio import StudioDataset

from .index import anonymous_memory

SIZE = 48
PATCHES_A_MAP = 694
"""Hand pixels of a map, on average."""
PAPER = 36_000_000
"""Patches of the paper's dictionary."""
NEAR = 2
"""Largest distance, in px, of the pixel whose label replaces that of a noisy one."""
EXACT_QUERIES = 32
"""Patches that are searched exactly in each round."""


def run(argv: list[str] | None = None) -> None:
    """Print the table.

    Args:
        argv: Command line without the program's name; None reads ``sys.argv``.

    Raises:
        ValueError: If a dictionary is too small to be indexed.
    """
    parser = argparse.ArgumentParser(prog='handkd benchmark restoration', description=__doc__)
    sizes = (100_000, 1_000_000, 10_000_000)
    parser.add_argument('--patches', type=int, nargs='+', default=sizes, help='sizes of the dictionaries, about')
    parser.add_argument('--images', type=int, default=64, help='maps to restore')
    parser.add_argument('--queries', type=int, default=500, help='number of their patches for recall')
    parser.add_argument('--noise', type=float, default=0.2, help='share of pixels with the label of one near by')
    parser.add_argument('--stride', type=int, default=1, help='distance of query pixels in px')
    parser.add_argument('--rounds', type=int, default=5, help='measurements of each step, alternating')
    parser.add_argument('--folder', type=Path, help="folder of the dictionaries; default: the user's cache")
    args = parser.parse_args(argv)
    folder = args.folder or cache_root() / 'benchmark_restoration'
    clean = np.stack(list(draw('test', args.images)))
    noisy = with_noise(clean, args.noise)
    columns = []
    for patches in sorted(args.patches):
        search, column = build(folder / str(patches), patches)
        column |= measure_memory(folder / str(patches), search)
        column |= measure_speed(Restorer(search, stride=args.stride), noisy, args.rounds)
        for name, maps in (('clean', clean), ('noisy', noisy)):
            column |= measure_recall(name, search, maps, args.queries)
        columns.append(column)
    print(f'{faiss.omp_get_max_threads()} threads, {search.index.nprobe} lists, {search.rerank} patches compared')
    print_table([*columns, project(columns)])


def draw(split: str, stop: int, start: int = 0) -> Iterator[np.ndarray]:
    """Yield label maps (48, 48), uint8, of the studio."""
    dataset = StudioDataset(split, stop, modalities=('parts',), resolution=SIZE)
    for index in range(start, stop):
        yield dataset.get_data_info(index)['part_seg']


def with_noise(maps: np.ndarray, share: float) -> np.ndarray:
    """Return maps (N, H, W) in which a share of the hand pixels has a near pixel's label, unless it is background."""
    rng = np.random.default_rng(0)
    pixels = hand_pixels(maps)
    image, y, x = np.unravel_index(pixels[rng.random(len(pixels)) < share], maps.shape)
    down, right = rng.integers(-NEAR, NEAR, (2, len(image)), endpoint=True)
    labels = maps[image, (y + down).clip(0, SIZE - 1), (x + right).clip(0, SIZE - 1)]
    noisy = maps.copy()
    noisy[image, y, x] = np.where(labels, labels, maps[image, y, x])
    return noisy


def build(folder: Path, patches: int) -> tuple[IndexedSearch, dict[str, float]]:
    """Build a dictionary and its index, or open existing ones; return the search and the seconds it took."""
    count = round(patches / PATCHES_A_MAP)
    start = time.perf_counter()
    source = dict(type='StudioDataset', split='train', resolution=SIZE, maps=count)
    build_dictionary(folder, partial(draw, 'train', count), source)
    drawn = time.perf_counter()
    search = open_search(folder)
    if isinstance(search, ExactSearch):
        raise ValueError(f'{search.dictionary.num_patches} patches are too few: below {EXACT_BELOW} there is no index')
    took = {'s to draw the maps': drawn - start, 's to build the index': time.perf_counter() - drawn}
    return search, {'patches': search.dictionary.num_patches} | took


def measure_memory(folder: Path, search: IndexedSearch) -> dict[str, float]:
    """Return bytes per patch; memory is the growth of a fresh process that opens the search."""
    with ProcessPoolExecutor(1, multiprocessing.get_context('spawn')) as pool:
        grown = pool.submit(grown_by_opening, folder).result()
    maps, index = (sum(path.stat().st_size for path in folder.glob(name)) for name in ('maps.u8', 'index-*.npz'))
    sizes = {'maps, on disk': maps, 'index, on disk': index, 'maps as bits': search.dictionary.rows.nbytes}
    sizes['in memory, without the maps'] = grown
    return {f'B/patch: {name}': size / search.dictionary.num_patches for name, size in sizes.items()}


def grown_by_opening(folder: Path) -> int:
    """Return the growth in bytes of this process's memory when the search in a folder is opened."""
    PatchDictionary(np.ones((1, SIZE, SIZE), np.uint8)).rows.sum()  # compiles the functions before the measurement
    before = anonymous_memory()
    search = open_search(folder)
    search.dictionary.rows.sum()
    return anonymous_memory() - before


def measure_speed(restorer: Restorer, maps: np.ndarray, rounds: int) -> dict[str, float]:
    """Return images per second, the shares of the steps in %, and the speed relative to the exact search."""
    search, pixels = restorer.search, hand_pixels(maps)
    _, y, x = np.unravel_index(pixels, maps.shape)
    pixels = pixels[(y % restorer.stride == 0) & (x % restorer.stride == 0)]
    few = np.sort(np.random.default_rng(0).choice(pixels, EXACT_QUERIES))
    vectors, nearest = search.embedding(maps, pixels), search(maps, pixels).patches[:, 0]
    exact = ExactSearch(search.dictionary)
    steps = {
        'whole': lambda: restorer(maps),
        'search': lambda: search(maps, pixels),
        'embedding': lambda: search.embedding(maps, pixels),
        'lists': lambda: search.index.search(vectors, search.rerank),
        'voting': lambda: vote(maps, pixels, search.dictionary.maps, nearest, restorer.window),
        'exact': lambda: exact(maps, few),
    }
    times: dict[str, list[float]] = {name: [] for name in steps}
    for turn in range(rounds + 1):  # the first does not count
        for name, step in steps.items():
            seconds = measure(step)
            if turn:
                times[name].append(seconds)
    took = {name: median(values) for name, values in times.items()}
    compared = took['search'] - took['embedding'] - took['lists']
    ratios = [e / EXACT_QUERIES * len(pixels) / s for e, s in zip(times['exact'], times['search'])]
    shares = {'embedding': took['embedding'], 'lists': took['lists'], 'comparing': compared, 'voting': took['voting']}
    return {
        'images/s': len(maps) / took['whole'],
        **{f'% of it: {name}': 100 * seconds / took['whole'] for name, seconds in shares.items()},
        'x exact search': median(ratios),
    }


def measure(step: Callable[[], object]) -> float:
    """Return the seconds that a step takes."""
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


def measure_recall(name: str, search: IndexedSearch, maps: np.ndarray, queries: int) -> dict[str, float]:
    """Return recall and distance ratio of the search for some patches of the maps."""
    pixels = hand_pixels(maps)
    drawn = np.sort(np.random.default_rng(0).choice(pixels, min(queries, len(pixels)), replace=False))
    quality = measure_search(search, maps, drawn, lambda line: print(f'{name}: {line}', flush=True))
    return {f'recall@1, {name}': quality.recall, f'distance / nearest, {name}': quality.ratio}


def project(columns: list[dict[str, float]]) -> dict[str, float]:
    """Return the extrapolated cost of the paper's dictionary; the speed only if two sizes were measured."""
    found = {'patches': PAPER} | {key: value for key, value in columns[-1].items() if key.startswith('B/patch')}
    if len(columns) > 1:
        sizes = np.log([column['patches'] for column in columns[-2:]])
        speeds = np.log([column['images/s'] for column in columns[-2:]])
        power = (speeds[1] - speeds[0]) / (sizes[1] - sizes[0])
        found['images/s'] = float(np.exp(speeds[1] + power * (np.log(PAPER) - sizes[1])))
    return found


def print_table(columns: list[dict[str, float]]) -> None:
    """Print one row per quantity; the last column is the projected one."""
    print(f'{"":38s}' + ''.join(f'{"measured":>14s}' for _ in columns[1:]) + f'{"projected":>14s}')
    for key in columns[0]:
        digits = 0 if key == 'patches' else 3 if key.startswith(('recall', 'distance')) else 1
        values = (f'{column[key]:14,.{digits}f}' if key in column else f'{"-":>14s}' for column in columns)
        print(f'{key:38s}' + ''.join(values))
    memory = [column['patches'] * column['B/patch: in memory, without the maps'] / 2**20 for column in columns]
    print(f'{"MiB in memory, without the maps":38s}' + ''.join(f'{value:14,.1f}' for value in memory))
