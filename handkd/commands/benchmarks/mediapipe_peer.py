"""MediaPipe Hands, measured in its own environment by :mod:`.inference_peer`; imports nothing of handkd.

The argument is one JSON object: ``picture``, a NumPy file of an RGB picture (H, W, 3); ``threads``; ``cores``, the
numbers of the CPU cores to run on, or null. The first line of the output says what was found, each further one answers
a line of the input with seconds.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable


def main(picture: str, threads: int, cores: list[int] | None) -> None:
    """Answer requests until the input ends."""
    replies = os.fdopen(os.dup(1), 'w', buffering=1)
    os.dup2(2, 1)  # the libraries print their own lines
    if cores is not None:
        os.sched_setaffinity(0, cores)
    import mediapipe
    import numpy as np

    pixels = np.load(picture)
    facts: dict = {'version': mediapipe.__version__, 'steps': [], 'missing': {}}
    steps: dict[str, Callable[[], object]] = {}
    for name, make in MAKERS.items():
        try:
            steps[name] = make(mediapipe, pixels, threads)
        except (ImportError, AttributeError, OSError, ValueError) as error:
            facts['missing'][name] = ' '.join(str(error).split())[:120] or type(error).__name__
    facts['steps'] = list(steps)
    if 'static' in steps:
        facts['found'] = bool(steps['static']().multi_hand_landmarks)
    replies.write(json.dumps(facts) + '\n')
    for line in sys.stdin:
        name, least = json.loads(line)
        replies.write(json.dumps(seconds_of(steps[name], least)) + '\n')


def seconds_of(step: Callable[[], object], least: float) -> float:
    """Return the seconds of a step: the mean of as many calls as take a least time, after one that does not count.

    Args:
        step: The step.
        least: Seconds.
    """
    step()
    calls, start = 0, time.perf_counter()
    while True:
        step()
        calls += 1
        took = time.perf_counter() - start
        if took >= least:
            return took / calls


def make_static(mediapipe: object, pixels: object, threads: int) -> Callable[[], object]:
    """Return a call of the API for a static picture: palm detector, landmark network, nothing kept."""
    hands = mediapipe.solutions.hands.Hands(static_image_mode=True, max_num_hands=1)
    return lambda: hands.process(pixels)


def make_video(mediapipe: object, pixels: object, threads: int) -> Callable[[], object]:
    """Return a call of the API for the next frame of a video: the hand is where it was, no palm detector."""
    hands = mediapipe.solutions.hands.Hands(static_image_mode=False, max_num_hands=1)
    return lambda: hands.process(pixels)


def make_network(mediapipe: object, pixels: object, threads: int) -> Callable[[], object]:
    """Return a run of the landmark network alone, on a crop of its own size."""
    from pathlib import Path

    import numpy as np

    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        from tflite_runtime.interpreter import Interpreter
    file = Path(mediapipe.__file__).parent / 'modules' / 'hand_landmark' / 'hand_landmark_full.tflite'
    network = Interpreter(model_path=str(file), num_threads=threads)
    network.allocate_tensors()
    (image,) = network.get_input_details()
    outputs = [output['index'] for output in network.get_output_details()]
    crop = np.random.default_rng(0).random(image['shape']).astype(image['dtype'])

    def run() -> list:
        network.set_tensor(image['index'], crop)
        network.invoke()
        return [network.get_tensor(index) for index in outputs]

    run()
    return run


MAKERS = {'static': make_static, 'video': make_video, 'network': make_network}


if __name__ == '__main__':
    main(**json.loads(sys.argv[1]))
