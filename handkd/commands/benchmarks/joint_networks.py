"""Time of a training step of the networks of all joints: grouped layers against a loop over single networks."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median

import torch

from handkd.models.joint_inceptions import INPUT_SIZE, MAP_SIZE, JointInceptions


def run(argv: list[str] | None = None) -> None:
    """Print the median time of both and their ratio, by the width of the fully connected layers.

    Args:
        argv: Command line without the program's name; None reads ``sys.argv``.
    """
    parser = argparse.ArgumentParser(prog='handkd benchmark joints', description=__doc__)
    parser.add_argument('--joints', type=int, default=14)
    parser.add_argument('--hidden', type=int, nargs='+', default=[100, 1200], help='widths of the hidden layer')
    parser.add_argument('--batch-size', type=int, default=64)
    parser.add_argument('--rounds', type=int, default=5, help='measurements of each, alternating')
    parser.add_argument('--threads', type=int, nargs='+', default=[1, 2])
    args = parser.parse_args(argv)
    print(f'{args.joints} joints, batch {args.batch_size}, forward and backward, ms (medians)')
    print(f'{"threads":>8s}{"hidden":>8s}{"images":>8s}{"grouped":>10s}{"loop":>10s}{"loop / grouped":>16s}')
    for threads in args.threads:
        torch.set_num_threads(threads)
        for hidden in args.hidden:
            for own in (False, True):
                steps = make_steps(args.joints, hidden, args.batch_size, own)
                grouped, loop = measure(steps, args.rounds)
                ratio = median(slow / fast for fast, slow in zip(grouped, loop))
                times = ''.join(f'{1e3 * median(values):10.1f}' for values in (grouped, loop))
                print(f'{threads:8d}{hidden:8d}{"own" if own else "one":>8s}{times}{ratio:16.2f}')


def make_steps(joints: int, hidden: int, batch_size: int, own_images: bool) -> tuple[Callable, Callable]:
    """Return one step of the grouped networks, and one of the loop.

    The joints look at one image through masks, as in ``JointInceptionHead``, or each at its own, as in
    ``JointCascadeHead``.
    """
    networks = JointInceptions(joints, False, hidden, own_images)
    singles = [JointInceptions(1, False, hidden) for _ in range(joints)]
    depth = torch.randn(batch_size, joints if own_images else 1, INPUT_SIZE, INPUT_SIZE)
    masks = None if own_images else (torch.rand(batch_size, joints, MAP_SIZE, MAP_SIZE) < 0.4).float()
    images = depth.split(1, 1) if own_images else [depth] * joints
    single_masks = [None] * joints if own_images else masks.split(1, 1)

    def grouped() -> None:
        networks.zero_grad()
        networks(depth, masks).square().sum().backward()

    def loop() -> None:
        for network in singles:
            network.zero_grad()
        poses = [network(image, mask) for network, image, mask in zip(singles, images, single_masks)]
        torch.cat(poses, 1).square().sum().backward()

    return grouped, loop


def measure(steps: tuple[Callable, ...], rounds: int) -> list[list[float]]:
    """Return seconds of each step, one number per round, after a round that does not count."""
    times: list[list[float]] = [[] for _ in steps]
    for turn in range(rounds + 1):
        for step, found in zip(steps, times):
            start = time.perf_counter()
            step()
            if turn:
                found.append(time.perf_counter() - start)
    return times
