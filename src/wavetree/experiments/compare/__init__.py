"""`wavetree compare`: the lecture's ladder, controls, and what context costs; each model trained here and now."""

from wavetree.experiments.compare.comparison import Comparison, Plan, compare, plan
from wavetree.experiments.compare.context import ContextRow
from wavetree.experiments.compare.page import comparison_page
from wavetree.experiments.compare.rows import Row

__all__ = ["Comparison", "ContextRow", "Plan", "Row", "compare", "comparison_page", "plan"]
