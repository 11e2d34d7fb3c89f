"""Reports to look at: one HTML file each, with everything in it. It asks nothing of any network."""

from wavetree.report.machine import machine_stamp
from wavetree.report.run import report_run

__all__ = ["machine_stamp", "report_run"]
