"""Questions on batch norm, training, and judging what came out."""

from __future__ import annotations

import random
from typing import Literal

import torch
import torch.nn.functional as F

from wavetree.config import TrainConfig
from wavetree.data import ItemList, split_items
from wavetree.layers.scratch import BatchNorm1d
from wavetree.learn.practice.answers import Amount, Amounts, Letter, Shape
from wavetree.learn.practice.measure import text_ids, tree
from wavetree.learn.practice.question import Asked, Mistake, Question
from wavetree.models import evaluating
from wavetree.train.schedule import rate_at

FEW_NAMES = ("ada", "ben", "cleo", "dora", "emil", "finn", "gwen", "hugo", "ines", "jon", "kira", "lena")


def _norm_shape(draws: random.Random) -> Asked:
    batch, time, channels = draws.choice([16, 32]), draws.choice([2, 4, 8]), draws.choice([48, 68, 128])
    x = torch.randn(batch, time, channels)
    buggy, fixed = BatchNorm1d(channels, dims=(0,)), BatchNorm1d(channels)
    buggy(x), fixed(x)
    wrong, right = (tuple(norm.running_mean.shape) for norm in (buggy, fixed))
    return Asked(
        f"Spot the bug. A batch norm sits after a fusion, where tensors have the shape `{(batch, time, channels)}`. "
        f"After one training step its `running_mean` has the shape `{wrong}`. Nothing complained. What should the "
        "shape be, with every averaged axis kept as 1?",
        Shape(right),
        "A channel is one feature, wherever it stands. So which two axes are averaged away?",
        f"The mean must be taken over the axes (0, 1): `{right}`. Taken over 0 alone there are {time} means for every "
        f"channel, one for each position, each from {batch} numbers instead of {batch * time}.",
        [
            Mistake(Shape(wrong), "That is the shape with the bug: it keeps the positions apart."),
            Mistake(Shape((channels,)), "The right numbers, but the averaged axes are kept here, with size 1."),
            Mistake(Shape((1, time, 1)), "Channels must stay apart: each is a feature of its own."),
        ],
    )


def _norm_count(draws: random.Random) -> Asked:
    batch, time, channels = draws.choice([16, 32, 64]), draws.choice([2, 4, 8]), draws.choice([48, 68, 128])
    x = torch.zeros(batch, time, channels)
    norms = [BatchNorm1d(channels), BatchNorm1d(channels, dims=(0,))]
    for norm in norms:
        norm(x)
    fixed, buggy = (x.numel() // norm.running_mean.numel() for norm in norms)
    return Asked(
        f"Batch norm over a tensor of shape `{tuple(x.shape)}`: how many numbers is each mean taken from, done right "
        "and with the bug (the mean over axis 0 alone)? Give both, right first.",
        Amounts((fixed, buggy)),
        "Divide all numbers of the tensor by the number of means that are kept.",
        f"{batch} x {time} = {fixed} numbers a mean, against {buggy}. From {time} times fewer numbers comes an "
        f"estimate that is noisier by about the square root of {time}, and the layer does not notice.",
        [Mistake(Amounts((buggy, fixed)), "The right two numbers, in the other order.")],
    )


CHOICES = (
    "- **A** only in training mode\n- **B** only in evaluation mode\n- **C** in both\n- **D** in neither, to rounding"
)


def _who_moves(draws: random.Random) -> Asked:
    norm: Literal["batch", "layer"] = draws.choice(["batch", "batch", "layer"])
    model = tree(3, norm=norm)
    windows = text_ids(4 * 8).reshape(4, 8)  # (B, R)
    others = torch.cat([windows[:1], windows[1:].flip(1)])  # the first window is the same, its company is not
    moved = []
    for training in (True, False):
        with evaluating(model):
            model.train(training)
            gap = (model.window(windows)[0] - model.window(others)[0]).abs().max().item()
        moved.append(gap > 1e-9)  # rounding is some 1e-16
    letter = {(True, False): "A", (False, True): "B", (True, True): "C", (False, False): "D"}[moved[0], moved[1]]
    because = {
        "batch": "In training mode batch norm uses the mean and variance of this very batch, so the company of a "
        "window changes its prediction. In evaluation mode it uses the running ones, which are constants. That is why "
        "a network is put in evaluation mode before it is judged.",
        "layer": "Layer norm uses the mean and variance of each vector by itself. No other window enters, in any mode.",
    }
    return Asked(
        f"A tree with {norm} norm predicts for a batch of windows. One window stays the same, the others are "
        f"replaced. When does the prediction for the one that stayed change?\n\n{CHOICES}",
        Letter(letter, "ABCD"),
        f"Where does {norm} norm take its mean and variance from: this batch, the past, or the vector itself?",
        because[norm],
    )


def _first_loss(draws: random.Random) -> Asked:
    symbols = draws.choice([10, 27, 65, 96, 256])
    model = tree(3, vocab_size=symbols)
    targets = torch.arange(symbols)
    windows = torch.randint(symbols, (symbols, 8))
    with evaluating(model):
        loss = F.cross_entropy(model.window(windows), targets).item()
    return Asked(
        f"A new tree over {symbols} symbols has learnt nothing, and its output layer starts small, so that it is "
        "unsure. What is its loss, in nats a symbol? Two decimals will do.",
        Amount(loss, tolerance=0.03),
        "Unsure means: every symbol is about equally likely. The loss is minus the natural logarithm of that "
        "probability.",
        f"Each of the {symbols} symbols gets about 1/{symbols}, and minus the logarithm of that is {loss:.3f}. A first "
        "loss far above it says that the network starts out confident and wrong.",
        [
            Mistake(
                Amount(round(loss / 0.6931, 3), 0.04), "That is in bits. A nat is 1.44 bits: use the natural logarithm."
            )
        ],
    )


def _rate(draws: random.Random) -> Asked:
    steps = draws.choice([1_000, 20_000, 200_000])
    step = int(steps * draws.choice([0.3, 0.7, 0.8, 0.9]))
    config = TrainConfig(steps=steps, schedule="lecture", learning_rate=0.1)
    right = rate_at(step, steps, config)
    return Asked(
        f"The lecture's recipe: rate 0.1, and 0.01 for the last quarter. Of {steps:,} steps, which rate has step "
        f"{step:,}?",
        Amount(right),
        f"The last quarter begins at step {steps * 3 // 4:,}.",
        f"{step:,} of {steps:,} is {step / steps:.0%} of the way: {right:g}.",
    )


def _blocks(draws: random.Random) -> Asked:
    losses = torch.tensor([draws.randrange(16, 29) / 10 for _ in range(8)], dtype=torch.float64)
    means = losses.view(-1, 4).mean(dim=1).tolist()
    shown = ", ".join(f"{loss:.1f}" for loss in losses.tolist())
    return Asked(
        f"The losses of eight steps: {shown}. Single steps are too noisy to read, so average them in blocks of 4. "
        "Which two numbers do you plot?",
        Amounts(tuple(means), tolerance=0.006),
        "The mean of the first four, and the mean of the last four.",
        "In Python: `losses.view(-1, 4).mean(dim=1)`. The lecture does it with blocks of 1,000 steps.",
    )


def _leak(draws: random.Random) -> Asked:
    items = ItemList(tuple(draws.choices(FEW_NAMES, k=20)), "practice")
    split = split_items(items, "lecture")
    right = split.leaked_validation + split.leaked_test
    held_out = (*split.validation, *split.test)
    return Asked(
        "A list with duplicates was shuffled and cut, as the lecture does it. Training got\n\n"
        f"    {' '.join(split.train)}\n\nand held out are\n\n    {' '.join(held_out)}\n\n"
        "How many of the held-out items does training know already?",
        Amount(right),
        "Take the held-out items one by one, each as often as it occurs, and look for it in the training list.",
        f"{right} of {len(held_out)}: for these the loss measures memory. Removing duplicates before the split, and "
        "letting an item's side follow from the item alone, brings it to 0.",
        [Mistake(Amount(len(held_out) - right), "Those are the ones that are new to it. Count the others.")],
    )


NORM = (
    Question("norm-shape", "Spot the bug", "7", _norm_shape),
    Question("norm-count", "What a mean is made of", "7", _norm_count),
)
TRAINING = (
    Question("first-loss", "The loss before the first step", "8", _first_loss),
    Question("learning-rate", "The last quarter", "8", _rate),
    Question("blocks", "Reading a noisy curve", "8", _blocks),
    Question("who-moves", "Who changes my prediction?", "8", _who_moves),
    Question("leak", "Count the leak", "8", _leak),
)
