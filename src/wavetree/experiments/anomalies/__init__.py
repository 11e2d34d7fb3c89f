"""Finding what does not belong: made lists, rivals, and how well each tells good items from bad ones."""

from wavetree.experiments.anomalies.bench import bench_score

__all__ = ["bench_score"]
