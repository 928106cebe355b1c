"""Pictures of results: each function takes arrays and a path, writes, returns the path.

The format follows the suffix of the path (png, pdf, svg). Nothing is shown on a screen
and matplotlib's state of the process stays as it was.
"""

from .distribution import nse_cdf
from .events import flood_events
from .folds import fold_map
from .hydrograph import hydrographs
from .map import score_map
from .parameters import learned_parameters, parameter_series
from .ranks import rank_histograms

__all__ = [
    "flood_events",
    "fold_map",
    "hydrographs",
    "learned_parameters",
    "nse_cdf",
    "parameter_series",
    "rank_histograms",
    "score_map",
]
