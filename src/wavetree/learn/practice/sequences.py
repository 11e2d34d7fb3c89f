"""Questions on running sequences: the dense run, rings, what they cost, and the networks next door."""

from __future__ import annotations

import random

import torch

from wavetree.inspect import layer_table
from wavetree.learn.practice.answers import Amount, Amounts, Positions
from wavetree.learn.practice.measure import count_fusions, moved_outputs, stacked_field, text_ids, tree
from wavetree.learn.practice.question import Asked, Mistake, Question


def _lookback(draws: random.Random) -> Asked:
    level = draws.choice([1, 2, 3, 4, 5, 6])
    right = len(tree(level + 1, 2, 2).start()[level])
    return Asked(
        "In a running sequence a fusion joins the vector at its own position with an earlier one of the same kind. "
        f"Level 0 fuses embeddings. How many positions back is the left child of a fusion of level {level}?",
        Amount(right),
        "The right child sees a certain number of symbols. The left one must see those just before.",
        f"A child of such a fusion sees {right} symbols, so the one that sees the {right} before those lies {right} "
        "back. A convolution calls this number its dilation.",
        [
            Mistake(
                Amount(1), "That is so at level 0. Higher up, a neighbour 1 back would see almost the same symbols."
            ),
            Mistake(Amount(level), "It does not grow by one with every level: it doubles."),
            Mistake(Amount(2 * right), "That is how many symbols the two see together."),
        ],
    )


def _flipped(draws: random.Random) -> Asked:
    levels, time = draws.choice([2, 3]), 14
    place = draws.randrange(1, time - 2)
    moved = moved_outputs(tree(levels), time, place)
    sees = 1 << levels
    return Asked(
        f"A tree that sees {sees} symbols predicts at every position of a text of {time} symbols, 0 to {time - 1}. You "
        f"change the symbol at position {place}. At which positions does the prediction change?",
        Positions.of(moved),
        f"Which positions have {place} among the {sees} symbols that they see? None of them lies before it.",
        f"Position {place} and the {sees - 1} after it, as far as the text goes. Nothing before it moves: that is what "
        "causal means.",
        [
            Mistake(
                Positions.of(range(place + 1, min(time, place + sees))), "The position itself sees its own symbol."
            ),
            Mistake(
                Positions.of(range(max(0, place - sees + 1), place + 1)), "Those lie before the change. Look ahead."
            ),
            Mistake(Positions.of([place]), "Later predictions see this symbol too."),
        ],
    )


def _fusions(draws: random.Random) -> Asked:
    levels, time = draws.choice([3, 4, 5]), draws.choice([20, 50, 100])
    model = tree(levels)
    field = model.receptive_field
    window_ids = text_ids(time * field).reshape(time, field)  # one window for each output
    window = count_fusions(model, lambda: model.window(window_ids))
    state = model.start()
    dense = count_fusions(model, lambda: model.stream(text_ids(time), state))
    return Asked(
        f"A tree of {levels} levels predicts at each of {time} positions. How many fusions does that take when every "
        "position runs its own window, and how many in the dense run? Give both, windows first.",
        Amounts((window, dense)),
        f"A window of {field} symbols fuses {field // 2} pairs, then half as many, down to 1. The dense run fuses once "
        "for each level and position.",
        f"{time} x {field - 1} = {window:,} against {time} x {levels} = {dense:,}. The windows overlap, and the dense "
        "run never computes a vector twice.",
        [
            Mistake(Amounts((time * field, dense)), f"A tournament of {field} has {field - 1} matches."),
            Mistake(Amounts((dense, window)), "The right two numbers, in the other order."),
        ],
    )


def _steps(draws: random.Random) -> Asked:
    levels, symbols = draws.choice([4, 5, 6, 8]), draws.choice([10, 25, 100])
    model = tree(levels)

    def generate() -> None:
        state, ids = model.start(), torch.tensor([1])
        for _ in range(symbols):
            _, state = model.step(ids, state)

    right = count_fusions(model, generate) - count_fusions(model, model.start)
    field = model.receptive_field
    return Asked(
        f"A tree of {levels} levels makes up {symbols} symbols, one after the other, with a ring for each level. How "
        "many fusions is that? The state before the first symbol does not count.",
        Amount(right),
        "Per step, each level fuses one new vector with one that its ring has kept.",
        f"{levels} a step, {symbols} steps: {right:,}. Without rings every step would run a whole window: "
        f"{symbols * (field - 1):,}.",
        [
            Mistake(
                Amount(symbols * (field - 1)), "That is a new window for every symbol. The rings keep what is done."
            ),
            Mistake(Amount(levels), "That is one step."),
        ],
    )


def _ring(draws: random.Random) -> Asked:
    levels = draws.choice([3, 4, 5, 6, 7])
    right = sum(map(len, tree(levels, 2, 2).start()))
    return Asked(
        f"For generation, each level of a tree keeps its last vectors in a ring, as many as its left neighbour lies "
        f"back. How many vectors do the rings of {levels} levels hold together?",
        Amount(right),
        "The rings are 1, 2, 4 ... long, one for each level.",
        f"1 + 2 + ... + {1 << (levels - 1)} = {right}: one less than the tree sees. The newest symbol is the last.",
        [
            Mistake(Amount(right + 1), "One less: the newest symbol is not in a ring yet."),
            Mistake(Amount(levels), "That is how many rings there are."),
        ],
    )


def _multiply_adds(draws: random.Random) -> Asked:
    levels, hidden = draws.choice([3, 4]), draws.choice([8, 10, 16])
    rows = layer_table(tree(levels, hidden, hidden))
    fusions = [row for row in rows if row.name.endswith("fuse")]
    dense, window = sum(row.multiply_adds for row in fusions), sum(row.window_multiply_adds for row in fusions)
    each = 2 * hidden * hidden
    return Asked(
        f"Vectors of {hidden} numbers at every level, {levels} levels. How many multiply-adds do the matrices of the "
        "fusions need for one prediction, in the dense run and in a window? Give both, dense first.",
        Amounts((dense, window)),
        f"A fusion multiplies a matrix of {hidden} x {2 * hidden}: {each:,} multiply-adds. How many fusions are there?",
        f"{levels} fusions against {(1 << levels) - 1}, {each:,} multiply-adds each: {dense:,} and {window:,}.",
        [Mistake(Amounts((window, dense)), "The right two numbers, in the other order.")],
    )


def _wavenet_field(draws: random.Random) -> Asked:
    stacks, levels = draws.choice([1, 2, 3]), draws.choice([3, 4, 5, 6])
    dilations = [1 << level for level in range(levels)] * stacks
    right = stacked_field(dilations)
    return Asked(
        f"A WaveNet joins two neighbours in every layer, with dilations 1, 2, ... {dilations[-1]}, and runs through "
        f"this row {stacks} time{'s' if stacks > 1 else ''}. How many samples does an output see?",
        Amount(right),
        "Every layer adds its dilation to what is seen; before the first layer it is 1.",
        f"1 + {stacks} x {sum(dilations) // stacks} = {right}. Found by gradients, not by the formula.",
        [
            Mistake(Amount(right - 1), "One more: the sample at the output's own position."),
            Mistake(Amount(stacks << levels), "The runs share their edges: they add up, minus what is counted twice."),
            Mistake(
                Amount(1 << (levels * stacks)), "A second run begins again at dilation 1. It does not go on doubling."
            ),
        ],
    )


def _attention(draws: random.Random) -> Asked:
    time = draws.choice([8, 16, 32])
    mask = torch.ones(time, time).tril()
    right = int(mask.sum())
    levels = time.bit_length() - 1
    model = tree(levels)
    state = model.start()
    dense = count_fusions(model, lambda: model.stream(text_ids(time), state))
    return Asked(
        f"In one layer of a causal transformer every one of {time} positions looks at itself and at all before it. How "
        "many looks is that?",
        Amount(right),
        f"Position 0 looks once, position 1 twice, and so on: draw the triangle. {time} x {time} is the whole square.",
        f"1 + 2 + ... + {time} = {right}. The dense run of a tree that sees {time} symbols makes {dense} fusions for "
        "the same text. Attention chooses what to look at; the tree's pairs are fixed.",
        [
            Mistake(Amount(time * time), "That is the whole square: half of it would look into the future."),
            Mistake(Amount(right - time), "Each position looks at itself as well."),
        ],
    )


SEQUENCES = (
    Question("lookback", "How far back is left?", "9", _lookback),
    Question("flipped-symbol", "Change one symbol", "9", _flipped),
    Question("fusions", "Windows against the dense run", "9", _fusions),
    Question("rings", "What the rings hold", "10", _ring),
    Question("steps", "The price of a symbol", "10", _steps),
)
COSTS = (Question("multiply-adds", "Multiply-adds", "11", _multiply_adds),)
NEIGHBOURS = (
    Question("wavenet-field", "What a WaveNet hears", "12", _wavenet_field),
    Question("attention", "What attention looks at", "12", _attention),
)
