"""What a liquid still knows of what is past, and for how long.

Read in order: `asked`, `sources`, `labels`, `reconstruction`, `knowledge`.
"""

from lsm_deploy.measure.diagnosis.knowledge.asked import Questions, questions_of, timing_of
from lsm_deploy.measure.diagnosis.knowledge.knowledge import Curves, Estimate, Knowledge, answerers, knowledge_of
from lsm_deploy.measure.diagnosis.knowledge.sources import SOURCES

__all__ = [
    "SOURCES",
    "Curves",
    "Estimate",
    "Knowledge",
    "Questions",
    "answerers",
    "knowledge_of",
    "questions_of",
    "timing_of",
]
