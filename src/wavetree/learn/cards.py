"""What is worth knowing by heart, as cards with a front and a back (Markdown, one paragraph each)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Card:
    """A question in front, its answer at the back."""

    front: str
    back: str


CARDS = (
    Card(
        "A flat network shall see more symbols. What must grow, and how fast?",
        "Its first layer. `n` symbols with vectors of `E` numbers make it `n E` wide: ten times the context, ten times "
        "the weights. And all symbols still meet in a single step.",
    ),
    Card(
        "What is a fusion?",
        "Two neighbouring vectors become one: `tanh(norm(W [left ; right]))`. Left is the earlier one. The same `W` "
        "serves every pair of a level.",
    ),
    Card(
        "`FlattenConsecutive(2)` gets `(B, 8, C)`. What comes out?",
        "`(B, 4, 2 C)`: neighbours side by side, and no number changed. What time loses, the channels gain. When one "
        "vector is left, the time axis is dropped: `(B, 2 C)`.",
    ),
    Card(
        "How many symbols does a vector see after `k` levels? And how many levels see 1,024?",
        "`2^k`, since its two children see as much each and do not overlap. 1,024 takes 10 levels. One level more doubles it.",
    ),
    Card(
        "Why does a fourth halving of 8 symbols fail?",
        "After three, one vector is left for each window. It has no neighbour, and the time axis is gone. Four levels "
        "need 16 symbols.",
    ),
    Card(
        "Batch norm on `(B, T, C)`: which axes are averaged, and which shape gives the bug away?",
        "Axes 0 and 1: running statistics `(1, 1, C)`. With axis 0 alone they are `(1, T, C)`: separate statistics for each "
        "position, from `T` times fewer numbers. Nothing complains.",
    ),
    Card(
        "Why put a network in evaluation mode before judging it?",
        "In training mode batch norm takes its mean from the batch at hand, so a prediction depends on its company. In "
        "evaluation mode it uses the running mean, a constant.",
    ),
    Card(
        "What should the first loss be, and why is a raw loss curve unreadable?",
        "About `ln V`, 3.296 for 27 symbols: no idea yet. A loss of 32 windows jumps about more than learning moves it. "
        "Average it in blocks, of 1,000 steps say.",
    ),
    Card(
        "How can a validation loss flatter a model, though nobody cheated?",
        "By duplicates: the same item on both sides of the split. In the lecture's list that is 424 of 3,203 validation "
        "names, 13.2%. Remove duplicates first.",
    ),
    Card(
        "The tree runs along a whole text. Where is the left child at level `l`, and what is this called?",
        "`2^l` positions back, on the same level. It is a causal convolution with kernel 2 and dilation `2^l`. Every "
        "vector is used twice: as a right child here, as a left child `2^l` later.",
    ),
    Card(
        "Why does time not shrink in the running form, and why not put zeros in front?",
        "Before the first symbol lies the mark, for ever; each level has a constant answer to it, which fills the left "
        "edge. Zeros are something else: they make the first `R - 1` answers wrong.",
    ),
    Card(
        "What does a tree keep to make up text symbol by symbol, and what does a symbol cost?",
        "For each level a ring of its last `2^l` vectors, `R - 1` in all. A symbol costs one fusion a level: `L`, where a "
        "window costs `R - 1`.",
    ),
    Card(
        "Depth and width: which two things does the tree keep apart that a flat network ties together?",
        "What it sees and how wide it is. Depth is composition in stages, letters, pairs, syllables, and not just more "
        "parameters.",
    ),
    Card(
        "What does WaveNet add to the dilated causal convolution? What does a stack with dilations 1 ... 512, three times, see?",
        "Gates (tanh times sigmoid), residual and skip connections, repeated dilations. It sees one sample and the sum of "
        "all dilations: 1 + 3 x 1,023 = 3,070.",
    ),
)
