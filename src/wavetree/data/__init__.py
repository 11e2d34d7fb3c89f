"""Lists of items: read and checked, split into learnt and held out, described. Nothing here imports torch."""

from wavetree.data.columns import MAX_CLASSES, Labels
from wavetree.data.embedded import embedded_names, embedded_names_by_decade
from wavetree.data.fields import NOT_TOLD, Fields
from wavetree.data.lists import MAX_ALPHABET, MAX_ITEM_SYMBOLS, MIN_ITEMS, ItemList, make_list, read_list
from wavetree.data.report import Lengths, ListReport, Sides, describe_list
from wavetree.data.split import Split, side_of, split_items

__all__ = [
    "MAX_ALPHABET",
    "MAX_CLASSES",
    "MAX_ITEM_SYMBOLS",
    "MIN_ITEMS",
    "NOT_TOLD",
    "Fields",
    "ItemList",
    "Labels",
    "Lengths",
    "ListReport",
    "Sides",
    "Split",
    "describe_list",
    "embedded_names",
    "embedded_names_by_decade",
    "make_list",
    "read_list",
    "side_of",
    "split_items",
]
