import numpy as np
import pytest

from handkd.evaluation import HandRestorationMetric
from handkd.evaluation.restoration_metric import VARIANTS
from handkd.hints import ConfigError
from handkd.restoration import CandidateCRF, Restorer, build_dictionary, open_search

NAME = 'parts20_no-background_restored'


def draw_hands(count, seed):
    """Blocks of parts that move a little: (count, 24, 24), uint8."""
    rng = np.random.default_rng(seed)
    maps = np.zeros((count, 24, 24), np.uint8)
    for label_map in maps:
        y, x = rng.integers(2, 8, 2)
        label_map[y : y + 12, x : x + 12] = np.kron(np.arange(1, 17).reshape(4, 4), np.ones((3, 3)))
    return maps


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp('dictionary')
    hands = draw_hands(40, 0)
    build_dictionary(path, lambda start: hands[start:], dict(name='blocks'))
    return path


@pytest.fixture(scope='module')
def samples():
    """Hands of which a part of the pixels have a wrong label."""
    truth = draw_hands(4, 1)
    rng = np.random.default_rng(2)
    wrong = (rng.random(truth.shape) < 0.3) & (truth > 0)
    pred = np.where(wrong, rng.integers(1, 21, truth.shape), truth).astype(np.uint8)
    return [
        dict(img_id=i, pred_fields=dict(part_seg=p[None]), gt_fields=dict(part_seg=t[None]))
        for i, (p, t) in enumerate(zip(pred, truth))
    ]


def test_each_variant_is_measured_by_its_own_restorer(folder, samples):
    metric = HandRestorationMetric(str(folder), VARIANTS, alphas=dict(potts=30.0, overlap=0.3))
    metric.process({}, samples[:3])
    metric.process({}, samples[3:])
    numbers = metric.evaluate(4)

    search = open_search(folder)
    restorers = {
        'centre': Restorer(search, 1),
        'vote': Restorer(search, 17),
        'potts': Restorer(search, 1, crf=CandidateCRF('potts', 30.0)),
        'overlap': Restorer(search, 1, crf=CandidateCRF('overlap', 0.3)),
        'potts_vote': Restorer(search, 17, crf=CandidateCRF('potts', 30.0)),
        'overlap_vote': Restorer(search, 17, crf=CandidateCRF('overlap', 0.3)),
    }
    pred, truth = (np.stack([sample[key]['part_seg'][0] for sample in samples]) for key in ('pred_fields', 'gt_fields'))
    for variant, restorer in restorers.items():
        right = restorer(pred) == truth
        shares = [right[truth == part].mean() for part in range(1, 17)]
        assert numbers[f'{NAME}/{variant}/per_pixel'] == pytest.approx(right[truth > 0].mean())
        assert numbers[f'{NAME}/{variant}/per_class'] == pytest.approx(np.mean(shares))
    assert numbers[f'{NAME}/vote/per_pixel'] > 0.95 > (pred == truth)[truth > 0].mean()


def test_only_the_variants_asked_for(folder, samples):
    metric = HandRestorationMetric(str(folder), variants=['vote'])
    metric.process({}, samples)
    assert set(metric.evaluate(4)) == {f'{NAME}/vote/per_pixel', f'{NAME}/vote/per_class'}


def test_the_search_is_that_of_the_config(folder, monkeypatch):
    asked = []
    monkeypatch.setattr(
        'handkd.evaluation.restoration_metric.open_search', lambda *a, **k: asked.append(k) or open_search(*a, **k)
    )
    assert HandRestorationMetric(folder, probes=3, rerank=40).restorers
    assert asked == [dict(probes=3, rerank=40)]


def test_what_is_wrong_is_named(folder, samples, tmp_path):
    with pytest.raises(ConfigError, match="'votes'; did you mean 'vote'"):
        HandRestorationMetric(str(folder), variants=['votes'])
    with pytest.raises(ConfigError, match="'pots'; did you mean 'potts'"):
        HandRestorationMetric(str(folder), alphas=dict(pots=1.0))
    with pytest.raises(FileNotFoundError, match='build a dictionary in this folder first'):
        HandRestorationMetric(str(tmp_path)).process({}, samples)
    with pytest.raises(ValueError, match='img_id 0: pred_fields has no .part_seg.'):
        HandRestorationMetric(str(folder)).process({}, [dict(samples[0], pred_fields={})])
