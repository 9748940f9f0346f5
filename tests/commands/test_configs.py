import pytest

from handkd.commands.configs import main
from handkd.config_files import config_names


def test_a_line_for_each_config_below_its_method(capsys):
    main([])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if line.startswith('  ')] == config_names()
    assert lines.index('PMD-Net: a depth network teaches an RGB network') < lines.index(
        'weakseg: part segmentation, weakly supervised'
    )


def test_a_word_in_names_or_summaries_chooses(capsys):
    main(['RHD'])
    out = capsys.readouterr().out
    assert 'pmd/resnet34_rhd ' in out and 'cpm_rgb_dexter' in out and '_lm' not in out
    with pytest.raises(ValueError, match="no config has 'resnet500'; did you mean 'resnet50'"):
        main(['resnet500'])
