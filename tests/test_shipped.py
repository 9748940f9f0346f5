import pytest

from handkd.shipped import shipped


def test_folders_of_the_checkout_are_found_and_a_missing_one_is_named():
    assert (shipped('configs') / 'pmd' / 'demo.py').is_file() and (shipped('requirements') / 'mminstall.txt').is_file()
    assert (shipped('zoo') / 'README.md').is_file()
    with pytest.raises(FileNotFoundError, match='handkd/nothing: the folder is missing from this installation'):
        shipped('nothing')
