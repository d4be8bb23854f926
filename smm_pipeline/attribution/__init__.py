"""Which channel gets how much of the conversions: eight models over paths, side by side.

Belongs here: paths and what the models make of them, as pure functions over arrays. Does not belong here: where paths
come from (the warehouse, or a CSV by path_table.py alone), settings, and how results are shown. paths.py holds paths,
rules.py the six models that are rules and shapley.py the seventh, each as a weight per touch; markov.py the chain;
intervals.py the bootstrap; money.py cents; journeys.py what is counted without any model; models.py puts it together.
"""

from smm_pipeline.attribution.journeys import ChannelCounts, JourneyFigures, channel_counts, journey_figures
from smm_pipeline.attribution.models import ALL_MODELS, Credit, Model, attribute
from smm_pipeline.attribution.path_table import PathTable, read_path_table
from smm_pipeline.attribution.paths import DIRECT, Path, Paths, collect

__all__ = [
    "ALL_MODELS",
    "DIRECT",
    "ChannelCounts",
    "Credit",
    "JourneyFigures",
    "Model",
    "Path",
    "PathTable",
    "Paths",
    "attribute",
    "channel_counts",
    "collect",
    "journey_figures",
    "read_path_table",
]
