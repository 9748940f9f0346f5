"""Restoration of part maps by a dictionary of patches (Neverova et al. 2017): search, voting, CRF, quality check."""

from .building import build_dictionary
from .crf import CandidateCRF
from .dictionary import PatchDictionary
from .indexing import IndexSettings, open_search
from .quality import QualityCheck, RejectionStatistics, Verdict, barycentres, judge
from .restorer import Restorer
from .rounds import Round, RoundSettings, latest_round, round_folder
from .search import ExactSearch, IndexedSearch, Neighbours, SearchQuality, measure_search
from .windows import hand_pixels

__all__ = [
    'CandidateCRF',
    'ExactSearch',
    'IndexSettings',
    'IndexedSearch',
    'Neighbours',
    'PatchDictionary',
    'QualityCheck',
    'RejectionStatistics',
    'Restorer',
    'Round',
    'RoundSettings',
    'SearchQuality',
    'Verdict',
    'barycentres',
    'build_dictionary',
    'hand_pixels',
    'judge',
    'latest_round',
    'measure_search',
    'open_search',
    'round_folder',
]
