"""The searches against a table of all distances."""

import faiss
import numpy as np
import pytest

from handkd.restoration import ExactSearch, IndexedSearch, PatchDictionary, hand_pixels, measure_search
from handkd.restoration import search as searching
from handkd.restoration.embedding import SubgridPCA

from .conftest import cut_patches, draw_maps, hamming


@pytest.fixture(scope='module')
def queries():
    drawn = draw_maps(2, seed=5, size=(24, 17))  # of another height than the dictionary's
    return drawn, hand_pixels(drawn)[::11]


@pytest.fixture(scope='module')
def indexed(dictionary):
    """An index that compares all vectors with all, in place of a quantised one."""
    patches = hand_pixels(dictionary.maps)
    embedding = SubgridPCA.fit(dictionary.maps, patches, 16)
    index = faiss.index_factory(16, 'IVF4,Flat')
    vectors = embedding(dictionary.maps, patches)
    index.train(vectors)
    index.add_with_ids(vectors, patches)
    return embedding, index


def table(dictionary, queries):
    maps, pixels = queries
    return hamming(cut_patches(maps, pixels), cut_patches(dictionary.maps, hand_pixels(dictionary.maps)))


def test_exact_search_finds_the_nearest(dictionary, queries):
    expected = table(dictionary, queries)
    found = ExactSearch(dictionary)(*queries, 3)
    np.testing.assert_array_equal(found.distances, np.sort(expected, 1)[:, :3])
    np.testing.assert_array_equal(found.patches[:, 0], hand_pixels(dictionary.maps)[expected.argmin(1)])


def test_an_index_that_looks_everywhere_is_exact(dictionary, queries, indexed):
    search = IndexedSearch(dictionary, *indexed, probes=4, rerank=dictionary.num_patches)
    for count in (1, 10):
        for found, expected in zip(search(*queries, count), ExactSearch(dictionary)(*queries, count)):
            np.testing.assert_array_equal(found, expected)
            assert found.dtype == expected.dtype


def test_a_patch_finds_itself(dictionary, indexed):
    pixels = hand_pixels(dictionary.maps)
    for search in (ExactSearch(dictionary), IndexedSearch(dictionary, *indexed, probes=4, rerank=4)):
        found = search(dictionary.maps, pixels)
        assert (found.distances == 0).all()
        repeated = pixels >= 5 * dictionary.maps[0].size  # the last map is the first
        np.testing.assert_array_equal(
            found.patches[:, 0], np.where(repeated, pixels - 5 * dictionary.maps[0].size, pixels)
        )


def test_the_nearest_stands_in_for_what_the_lists_lack(queries):
    few = PatchDictionary(np.pad(np.arange(1, 9, dtype=np.uint8).reshape(1, 2, 4), ((0, 0), (4, 4), (4, 4))))
    embedding = SubgridPCA(np.random.default_rng(0).normal(size=(81, 21, 4)), np.zeros(4))
    index = faiss.index_factory(4, 'IVF1,Flat')
    index.train(embedding(few.maps, hand_pixels(few.maps)))
    index.add_with_ids(embedding(few.maps, hand_pixels(few.maps)), hand_pixels(few.maps))
    found, exact = IndexedSearch(few, embedding, index)(*queries, 10), ExactSearch(few)(*queries, 10)
    assert found.patches.shape == (len(queries[1]), 10) and exact.patches.shape == (len(queries[1]), 8)
    np.testing.assert_array_equal(found.patches, np.hstack([exact.patches, exact.patches[:, :1].repeat(2, 1)]))
    np.testing.assert_array_equal(found.distances, np.hstack([exact.distances, exact.distances[:, :1].repeat(2, 1)]))


def test_lists_without_anything_are_told(dictionary, queries):
    embedding = SubgridPCA.fit(dictionary.maps, hand_pixels(dictionary.maps), 2)
    index = faiss.IndexIVFFlat(faiss.IndexFlatL2(2), 2, 2)
    index.quantizer.add(np.array([[0, 0], [1e6, 1e6]], np.float32))
    vectors = np.full((dictionary.num_patches, 2), 1e6, np.float32)
    index.is_trained = True
    index.add_with_ids(vectors, hand_pixels(dictionary.maps))
    with pytest.raises(ValueError, match=r'the index: the searched lists are empty .* more probes than 1'):
        IndexedSearch(dictionary, embedding, index, probes=1)(*queries)


@pytest.mark.parametrize('threads', [1, 3])
def test_threads_do_not_matter(dictionary, queries, indexed, monkeypatch, threads):
    monkeypatch.setattr(searching, '_SHARE', 5)  # the last share is smaller
    monkeypatch.setattr(faiss, 'omp_get_max_threads', lambda: threads)
    assert len(queries[1]) % 5
    expected = np.sort(table(dictionary, queries), 1)[:, :3]
    for find in (ExactSearch(dictionary), IndexedSearch(dictionary, *indexed, 4, dictionary.num_patches)):
        np.testing.assert_array_equal(find(*queries, 3).distances, expected)


def test_one_as_near_as_the_nearest_counts_as_found(dictionary, indexed):
    """The first map is the last one too: whichever of the two is found, the distance is 0."""
    first = hand_pixels(dictionary.maps[:1])
    late = IndexedSearch(dictionary, *indexed, probes=4, rerank=4)
    index = faiss.clone_index(late.index)
    index.remove_ids(first)
    late.index = index
    assert (late(dictionary.maps[:1], first).patches[:, 0] >= 5 * dictionary.maps[0].size).all()
    assert measure_search(late, dictionary.maps[:1], first)[:2] == (1.0, 1.0)


def test_no_queries_are_answered(dictionary, indexed):
    empty = np.zeros((1, 20, 17), np.uint8)
    for search in (ExactSearch(dictionary), IndexedSearch(dictionary, *indexed)):
        found = search(empty, hand_pixels(empty), 3)
        assert found.patches.shape == found.distances.shape == (0, 3)


def test_quality_is_measured_and_said(dictionary, queries, indexed):
    lines = []
    search = IndexedSearch(dictionary, *indexed, probes=1, rerank=2)
    quality = measure_search(search, *queries, lines.append)
    expected = table(dictionary, queries)
    found = search(*queries).distances[:, 0]
    assert quality.recall == (found == expected.min(1)).mean() < 1
    assert quality.ratio == found.mean() / expected.min(1).mean() > 1
    assert quality.queries == len(queries[1])
    assert len(lines) == 1 and f'recall@1 {quality.recall:.3f}' in lines[0] and f'ratio {quality.ratio:.3f}' in lines[0]


def test_patches_that_are_there_measure_perfectly(dictionary, indexed, capsys):
    search = IndexedSearch(dictionary, *indexed, probes=4)
    assert measure_search(search, dictionary.maps, hand_pixels(dictionary.maps))[:2] == (1.0, 1.0)
    assert 'recall@1 1.000' in capsys.readouterr().out
    with pytest.raises(ValueError, match='without queries'):
        measure_search(search, dictionary.maps, np.empty(0, np.int64))


def test_what_does_not_fit_is_refused(dictionary, maps, queries, indexed):
    for change in (dict(probes=0), dict(rerank=0)):
        with pytest.raises(ValueError, match='probes >= 1 and rerank >= 1'):
            IndexedSearch(dictionary, *indexed, **change)
    with pytest.raises(ValueError, match=r'the index holds \d+ patches, the dictionary \d+'):
        IndexedSearch(PatchDictionary(maps[:2]), *indexed)
    with pytest.raises(ValueError, match='11 patches are asked for, but only rerank=10 are compared'):
        IndexedSearch(dictionary, *indexed, rerank=10)(*queries, 11)
    with pytest.raises(ValueError, match='maps to restore: map 0 has the label 77'):
        ExactSearch(dictionary)(np.full((1, 4, 4), 77, np.uint8), np.arange(3))
