import numpy as np

from handkd.hashing import mix


def test_mix_spreads_seeds_and_places_over_32_bits():
    values = {mix(seed, place) for seed in range(50) for place in range(200)}
    assert len(values) > 9990 and max(values) < 2**32
    bits = np.array([[value >> b & 1 for b in range(32)] for value in values])
    assert np.abs(bits.mean(0) - 0.5).max() < 0.05
