"""The command: thin verbs that parse, call and print. Nothing is printed anywhere else."""

from wavetree.cli.command import main

__all__ = ["main"]
