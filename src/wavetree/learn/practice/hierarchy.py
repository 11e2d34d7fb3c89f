"""Questions on the tree: one fusion by hand, shapes that halve, sight that doubles."""

from __future__ import annotations

import random

import torch

from wavetree.inspect import layer_table
from wavetree.layers import Fuse
from wavetree.layers.scratch import BatchNorm1d, Linear, Sequential
from wavetree.learn.practice.answers import Amount, Amounts, Positions, Shapes
from wavetree.learn.practice.measure import VOCAB, fused_shapes, seen_by, size, tree
from wavetree.learn.practice.question import Asked, Mistake, Question
from wavetree.models import parameter_count


def _fuse_by_hand(draws: random.Random) -> Asked:
    fuse = Fuse(2, 3, "batch").double()
    numbers = torch.tensor(draws.sample([-3, -2, -1, 1, 2, 3], k=4), dtype=torch.float64)
    left, right = numbers[:2], numbers[2:]
    with torch.no_grad():
        fuse.weight.copy_(torch.tensor([draws.choices([-1, -0.5, 0, 0.5, 1], k=4) for _ in range(3)]))
        left_only, right_only = fuse.halves(left, right)
        results = (left_only + right_only).tolist()
        swapped = torch.stack(fuse.halves(right, left)).sum(0).tolist()
    pair = [*left.tolist(), *right.tolist()]
    rows = fuse.weight.tolist()
    drawn = "\n".join(f"    W[{i}] = ({_row(row)})" for i, row in enumerate(rows))
    sums = [
        f"{' + '.join(f'{_term(w)} x {_term(x)}' for w, x in zip(row, pair, strict=True))} = {result:g}"
        for row, result in zip(rows, results, strict=True)
    ]
    return Asked(
        "Fuse two embeddings of 2 numbers into 3, by hand. The left one is "
        f"`({_row(left.tolist())})`, the right one `({_row(right.tolist())})`; the matrix has three rows of four:\n\n"
        f"{drawn}\n\nWhich three numbers come out of the linear part, before norm and tanh?",
        Amounts(tuple(results), tolerance=0.01),
        "Lay left and right end to end: four numbers. Each row of W makes one result: multiply in pairs and add up.",
        "The pair is `(" + _row(pair) + ")`. " + "; ".join(sums) + ".",
        [
            Mistake(
                Amounts(tuple(swapped), 0.01), "You have the two the wrong way round: the left, earlier, comes first."
            ),
            Mistake(
                Amounts(tuple(left_only.tolist()), 0.01),
                "That is the left half's share alone. The right half adds its own.",
            ),
        ],
    )


def _term(number: float) -> str:
    return f"({number:g})" if number < 0 else f"{number:g}"


def _row(numbers: list[float]) -> str:
    return ", ".join(f"{number:g}" for number in numbers)


def _fusion_parameters(draws: random.Random) -> Asked:
    channels, hidden = draws.choice([10, 24, 32]), draws.choice([48, 68, 128])
    right = size(Sequential([Linear(2 * channels, hidden, bias=False), BatchNorm1d(hidden)]))
    return Asked(
        f"One fusion: two vectors of {channels} numbers become one of {hidden}, by `Linear` without a bias and "
        "`BatchNorm1d`. How many parameters does it have?",
        Amount(right),
        "The linear layer takes both vectors at once. The batch norm has two learnt numbers for every channel.",
        f"2 x {channels} x {hidden} weights, and gamma and beta, {hidden} each: {right:,}. The running mean and "
        "variance are not learnt by gradient, so they do not count.",
        [
            Mistake(Amount(2 * channels * hidden), "The weights are right. The batch norm has gamma and beta too."),
            Mistake(Amount(right + 2 * hidden), "The running statistics are kept, but no gradient reaches them."),
            Mistake(Amount(right - channels * hidden), "Two vectors go in, so the matrix is twice as wide."),
        ],
    )


def _shapes(draws: random.Random) -> Asked:
    levels = 3
    batch, channels, hidden = draws.choice([4, 16, 32]), draws.choice([8, 10, 24]), draws.choice([48, 68, 128])
    shapes = fused_shapes(levels, batch, channels, hidden)
    unsqueezed = [*shapes[:-1], (batch, 1, hidden)]
    flattened = [(batch, shape[1], 2 * (hidden if i else channels)) for i, shape in enumerate(unsqueezed)]
    return Asked(
        f"A batch of {batch} windows of {1 << levels} symbols goes through a tree: embeddings of {channels}, {levels} "
        f"levels of {hidden}. Give the shape after each level's fusion, from the first to the last.",
        Shapes(tuple(shapes)),
        "Each level halves time; what comes out of its linear layer has the hidden size. The last vector loses its "
        "time axis.",
        "Time goes 8, 4, 2, and then there is one vector for each window, with no time axis left.",
        [
            Mistake(Shapes(tuple(unsqueezed)), "All but the end: when one vector is left, the time axis is dropped."),
            Mistake(
                Shapes(tuple(flattened)), "Those are the pairs that go into the linear layers, not what comes out."
            ),
        ],
    )


def _extend(draws: random.Random) -> Asked:
    levels = draws.choice([4, 4, 5])
    batch, channels, hidden = draws.choice([4, 32]), draws.choice([10, 24]), draws.choice([68, 128])
    shapes = fused_shapes(levels, batch, channels, hidden)
    return Asked(
        f"You have a tree for 8 symbols (embeddings of {channels}, three levels of {hidden}) and want it to see "
        f"{1 << levels}. Give the shapes after each fusion of the new tree, for {batch} windows: as many shapes as it "
        "has levels.",
        Shapes(tuple(shapes)),
        f"Start from time {1 << levels} and halve until one vector is left. Nothing gets wider.",
        f"{levels} levels. Each one more, with the same layer again, doubles what the network sees; its hidden size "
        "stays as it was.",
        [
            Mistake(Shapes(tuple(fused_shapes(3, batch, channels, hidden))), "Those are the shapes of the old tree."),
            Mistake(
                Shapes(tuple(shapes[1:])), "One level is missing at the beginning: the first fusion halves it too."
            ),
        ],
    )


def _field(draws: random.Random) -> Asked:
    levels = draws.choice([4, 5, 6, 7, 10])
    right = tree(levels, 2, 2).receptive_field
    return Asked(
        f"How many symbols does one vector see after {levels} levels of pairwise fusions?",
        Amount(right),
        "A vector of one level sees what its two children see, and they do not overlap: double, once for each level.",
        f"2 to the power of {levels} is {right:,}.",
        [
            Mistake(Amount(2 * levels), "Not two more with every level: twice as many."),
            Mistake(Amount(right // 2), "One doubling short: the first level already sees 2."),
            Mistake(Amount(right * 2), "One doubling too many: the first level sees 2, not 4."),
        ],
    )


def _which_symbols(draws: random.Random) -> Asked:
    level, time = draws.choice([0, 1, 2]), 14
    sees = 2 << level
    place = draws.randrange(sees, time)
    seen = seen_by(tree(3), level, time, place)
    return Asked(
        "In a running sequence positions and levels are counted from 0: level 0 fuses embeddings. Which positions does "
        f"the vector of level {level} at position {place} see?",
        Positions.of(seen),
        f"A vector of level {level} sees {sees} symbols, and its own position is the last of them.",
        f"It sees {sees} symbols and nothing later than its own. Found by changing each symbol in turn and "
        "looking whether the vector moves.",
        [
            Mistake(Positions.of(place - 1 for place in seen), "A vector sees its own position too, as the last one."),
            Mistake(Positions.of(seen[:-1]), "A vector sees its own position too, as the last one."),
            Mistake(
                Positions.of(range(place - sees // 2 + 1, place + 1)), "Level 0 sees 2 already, and each level doubles."
            ),
            Mistake(Positions.of(range(place, place + sees)), "Those lie in the future; it sees the past."),
        ],
    )


def _tree_parameters(draws: random.Random) -> Asked:
    levels, channels, hidden = draws.choice([2, 3, 4]), draws.choice([10, 24]), draws.choice([68, 128])
    model = tree(levels, channels, hidden)
    right = parameter_count(model)
    rows = ", ".join(f"{row.parameters:,} ({row.name})" for row in layer_table(model) if row.parameters)
    return Asked(
        f"A tree over {VOCAB} symbols: embeddings of {channels}, {levels} levels of {hidden}. Every fusion has a "
        "matrix without a bias and a norm with two numbers a channel; the output layer has a bias. How many parameters "
        "are that?",
        Amount(right),
        "Go bottom to top: the table; the first fusion, which takes two embeddings; the other fusions, which take two "
        "hidden vectors; the output layer.",
        f"{rows}: {right:,} in all.",
        [
            Mistake(Amount(right - 2 * levels * hidden), "The norms have gamma and beta, for every channel and level."),
            Mistake(Amount(right - VOCAB), "The output layer has a bias."),
            Mistake(Amount(right + 2 * hidden * hidden - 2 * channels * hidden), "The first fusion takes embeddings."),
        ],
    )


FUSION = (
    Question("fuse-by-hand", "One fusion, by hand", "4", _fuse_by_hand),
    Question("fusion-parameters", "What one fusion learns", "4", _fusion_parameters),
)
HIERARCHY = (
    Question("shapes", "The shapes of a tree", "5", _shapes),
    Question("receptive-field", "Sight doubles", "5", _field),
    Question("which-symbols", "What one vector sees", "5", _which_symbols),
    Question("tree-parameters", "What a tree learns", "5", _tree_parameters),
)
EXTEND = (Question("extend", "From 8 symbols to more", "14", _extend),)
