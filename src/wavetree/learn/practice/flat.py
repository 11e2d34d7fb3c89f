"""Questions on the flat network and its layers."""

from __future__ import annotations

import random

import torch

from wavetree.layers.scratch import FlattenConsecutive, Sequential, ShapeError
from wavetree.learn.practice.answers import Amount, Amounts, Shape
from wavetree.learn.practice.measure import VOCAB, flat, size, tree
from wavetree.learn.practice.question import Asked, Mistake, Question


def _flat_width(draws: random.Random) -> Asked:
    context, channels, batch = draws.choice([3, 5, 8, 12]), draws.choice([8, 10, 16]), draws.choice([4, 32])
    network = flat(context, channels, 200)
    network(torch.zeros(batch, context, dtype=torch.int64))
    given, width = network.layers[1].out.shape
    return Asked(
        f"A flat network reads {context} symbols at once, each as a vector of {channels} numbers. For a batch of "
        f"{batch} windows, what shape goes into its hidden layer?",
        Shape((given, width)),
        "All vectors of a window are laid end to end: one long row for every window of the batch.",
        f"{context} vectors of {channels} numbers, end to end, are {width} numbers. A flat network sees further only "
        "by getting wider.",
        [
            Mistake(Shape((batch, context, channels)), "That is the shape before the vectors are laid end to end."),
            Mistake(Shape((batch, channels)), "That would be one symbol. The hidden layer gets all of them at once."),
        ],
    )


def _flat_parameters(draws: random.Random) -> Asked:
    context, channels, hidden = draws.choice([3, 4, 8, 16]), draws.choice([8, 10]), draws.choice([100, 200])
    network = flat(context, channels, hidden)
    right = size(network)
    return Asked(
        f"Count the parameters of a flat network: {VOCAB} symbols, context {context}, embeddings of {channels}, "
        f"{hidden} hidden units, a bias in both linear layers.",
        Amount(right),
        "Three parts: the table of symbols; context times channels times hidden, with a bias for each hidden unit; "
        "hidden times symbols, with a bias for each symbol.",
        f"{VOCAB} x {channels} for the table, {context * channels} x {hidden} + {hidden} for the hidden layer, "
        f"{hidden} x {VOCAB} + {VOCAB} for the output: {right:,}.",
        [
            Mistake(Amount(right - hidden - VOCAB), "Close: both linear layers have a bias, which you left out."),
            Mistake(Amount(right - VOCAB * channels), "The table of symbols is learnt as well."),
        ],
    )


def _cost_of_context(draws: random.Random) -> Asked:
    levels, channels = draws.choice([4, 5, 6, 7, 10]), draws.choice([10, 24])
    field = tree(levels).receptive_field
    network = flat(field, channels, 200)
    network(torch.zeros(1, field, dtype=torch.int64))
    width = network.layers[1].out.shape[-1]
    return Asked(
        f"To see {field:,} symbols: how many levels does a tree need, and how many numbers go into the hidden layer of "
        f"a flat network with embeddings of {channels}? Give both, levels first.",
        Amounts((levels, width)),
        "The tree doubles what it sees with every level. The flat network lays all vectors end to end.",
        f"2 to the power of {levels} is {field:,}, and {field:,} times {channels} is {width:,}. Depth grows with the "
        "logarithm of the context, width with the context itself.",
        [
            Mistake(Amounts((levels, field)), "The levels are right. Each symbol brings all numbers of its vector."),
            Mistake(
                Amounts((field // 2, width)), "The width is right. A level doubles the context, so count doublings."
            ),
        ],
    )


def _flatten_shape(draws: random.Random) -> Asked:
    group, pairs = draws.choice([2, 2, 4]), draws.choice([2, 3, 4, 6])
    batch, channels = draws.choice([4, 16, 32]), draws.choice([10, 24, 68])
    given = (batch, group * pairs, channels)
    right = tuple(FlattenConsecutive(group)(torch.zeros(given)).shape)
    return Asked(
        f"`FlattenConsecutive({group})` gets a tensor of shape `{given}`. What shape does it hand on?",
        Shape(right),
        "No number is lost: what time loses, the channels gain.",
        f"Every {group} neighbours become one longer vector: {given[1]} / {group} = {pairs} of them, "
        f"{group} x {channels} = {right[-1]} numbers each.",
        [
            Mistake(Shape((batch, pairs, channels)), "Time is right, but numbers got lost: the channels must grow."),
            Mistake(Shape((batch, group * pairs * channels)), "That flattens everything, as the flat network does."),
            Mistake(Shape((batch, right[-1], pairs)), "The axes are always batch, time, channels, in this order."),
        ],
    )


def _halvings(draws: random.Random) -> Asked:
    time, done = 1 << draws.choice([2, 3, 4, 5, 6]), 0
    try:
        while True:
            Sequential([FlattenConsecutive(2) for _ in range(done + 1)])(torch.zeros(4, time, 10))
            done += 1
    except ShapeError as error:
        said = str(error)
    return Asked(
        f"A window of {time} symbols goes through one `FlattenConsecutive(2)` after another, with nothing in between. "
        "How many of them work before one fails?",
        Amount(done),
        f"Halve {time} until one vector is left; a single vector has no neighbour to be joined with.",
        f"{done} halvings leave one vector for each window. One more, and it says: *{said}*",
        [
            Mistake(Amount(done + 1), "That one fails: after the last halving there is one vector, and no pair."),
            Mistake(Amount(time // 2), "That is how many pairs the first one makes. How often can it be done?"),
        ],
    )


FLAT = (
    Question("flat-width", "Everything at once", "2", _flat_width),
    Question("flat-parameters", "What the flat network learns", "2", _flat_parameters),
)
LAYERS = (Question("flatten-shape", "Neighbours side by side", "3", _flatten_shape),)
DEPTH = (
    Question("halvings", "How often can you halve?", "6", _halvings),
    Question("context-cost", "Depth against width", "11", _cost_of_context),
)
