"""Lists of items: read and checked, split into learnt and held out, described. Nothing here imports torch."""

from wavetree.data.lists import (
    MAX_ALPHABET,
    MAX_ITEM_SYMBOLS,
    MIN_ITEMS,
    ItemList,
    embedded_names,
    make_list,
    read_list,
)
from wavetree.data.report import Lengths, ListReport, Sides, describe_list
from wavetree.data.split import Split, side_of, split_items

__all__ = [
    "MAX_ALPHABET",
    "MAX_ITEM_SYMBOLS",
    "MIN_ITEMS",
    "ItemList",
    "Lengths",
    "ListReport",
    "Sides",
    "Split",
    "describe_list",
    "embedded_names",
    "make_list",
    "read_list",
    "side_of",
    "split_items",
]
