"""Images per second rendered by the hand studio on one core."""

from __future__ import annotations

import argparse
import time

from handkd.studio import StudioDataset

RESOLUTIONS = (64, 128, 256)
CASES = (('RGB + depth + parts', ('rgb', 'depth')), ('depth + parts', ('depth', 'parts')))


def images_per_second(modalities: tuple[str, ...], resolution: int, seconds: float, repeats: int) -> float:
    """Return images per second of the fastest of ``repeats`` runs of about ``seconds`` each, on the calling thread.

    Compilation, the bank of backgrounds and the subjects are not measured.
    """
    dataset = StudioDataset('train', 1_000_000, modalities=modalities, resolution=resolution)
    count = 64
    for index in range(count):
        dataset.get_data_info(index)
    best = 0.0
    for _ in range(repeats):
        done, start = 0, time.perf_counter()
        while (spent := time.perf_counter() - start) < seconds:
            dataset.get_data_info(done % 512)
            done += 1
        best = max(best, done / spent)
    return best


def run(argv: list[str] | None = None) -> None:
    """Print the rates at 64, 128 and 256 px.

    Args:
        argv: Command line without the program's name; None reads ``sys.argv``.
    """
    parser = argparse.ArgumentParser(prog='handkd benchmark studio', description=__doc__)
    parser.add_argument('--seconds', type=float, default=2.0, help='length of one timed run')
    parser.add_argument('--repeats', type=int, default=3, help='timed runs, of which the fastest counts')
    args = parser.parse_args(argv)
    print(f'{"images/s, one core":<22}' + ''.join(f'{f"{size} px":>10}' for size in RESOLUTIONS))
    rates = {}
    for name, modalities in CASES:
        rates[name] = [images_per_second(modalities, size, args.seconds, args.repeats) for size in RESOLUTIONS]
        print(f'{name:<22}' + ''.join(f'{rate:>10.0f}' for rate in rates[name]))
    slow, fast = rates.values()
    print(f'{"depth + parts / all":<22}' + ''.join(f'{f / s:>10.2f}' for s, f in zip(slow, fast)))


if __name__ == '__main__':
    run()
