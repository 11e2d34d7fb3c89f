"""Measured comparisons: ours beside a named reference, in one run, with a machine stamp."""

from wavetree.experiments.anomalies import bench_score
from wavetree.experiments.bench_dense import bench_dense
from wavetree.experiments.bench_generate import bench_generate
from wavetree.experiments.bench_sample import bench_sample
from wavetree.experiments.bench_serve import bench_serve
from wavetree.experiments.bench_speech import bench_speech
from wavetree.experiments.bench_text import bench_text
from wavetree.experiments.bench_train import bench_train
from wavetree.experiments.records import RECORDS, Material, bench_record

__all__ = [
    "RECORDS",
    "Material",
    "bench_dense",
    "bench_generate",
    "bench_record",
    "bench_sample",
    "bench_score",
    "bench_serve",
    "bench_speech",
    "bench_text",
    "bench_train",
]
