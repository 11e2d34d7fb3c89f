"""Every setting, on one page: typed, frozen, checked, with its default and its limits."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from wavetree.errors import SettingError


class Section(BaseModel):
    """A group of settings. It cannot be changed once made, and refuses a name it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _parts(value: object) -> object:
    """A list as the command gives it: "1,2,4"."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


SPLITS = {"items": ("hash", "lecture"), "text": ("blocks", "tail"), "bytes": ("blocks", "tail"), "audio": ("files",)}


class DataConfig(Section):
    """What is learnt from, and what of it is held out.

    `items`: a list, one a line. `text`: running text, by its own alphabet; `bytes`: the same, by the bytes of its
    UTF-8, which meets no unknown symbol. `audio`: sound, at `rate` samples a second.
    """

    kind: Literal["items", "text", "bytes", "audio"] = "items"
    split: Literal["hash", "lecture", "blocks", "tail", "files"] = "hash"
    """items: hash or lecture. text, bytes: blocks (80, 10, 10%) or tail (90, 10%, no test). audio: files."""
    fields: Annotated[tuple[str, ...], BeforeValidator(_parts)] = ()
    """What is told besides, a class each: further columns of a list, or the folders that clips lie in."""
    untold: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """The share of all classes that training leaves untold, so that the model also works without them."""
    rate: Annotated[int, Field(ge=1000, le=192_000)] = 16_000
    local: Annotated[int, Field(ge=0, le=4096)] = 0
    """Numbers of each frame of a local condition: the file a.npy beside the clip a.wav."""
    hop: Annotated[int, Field(ge=1, le=1 << 20)] = 256
    """Samples that one such frame holds for."""

    @model_validator(mode="after")
    def _fitting_split(self) -> DataConfig:
        if self.split not in SPLITS[self.kind]:
            raise ValueError(f"{self.kind} cannot be split by {self.split!r}: choose {' or '.join(SPLITS[self.kind])}")
        if self.local and self.kind != "audio":
            raise ValueError(f"{self.kind} has no local conditions, and data.local is {self.local}")
        return self


class TreeConfig(Section):
    """The tree: vectors of `embedding` numbers for the symbols, of `hidden` numbers at every level."""

    kind: Literal["tree"] = "tree"
    levels: Annotated[int, Field(ge=1, le=12)] = 3
    embedding: Annotated[int, Field(ge=1, le=1024)] = 24
    hidden: Annotated[int, Field(ge=1, le=4096)] = 128
    norm: Literal["batch", "layer"] = "batch"


class FlatConfig(Section):
    """The flat model: `context` symbols of `embedding` numbers, side by side, into `layers` layers of `hidden` ones."""

    kind: Literal["flat"] = "flat"
    context: Annotated[int, Field(ge=1, le=4096)] = 8
    embedding: Annotated[int, Field(ge=1, le=1024)] = 10
    hidden: Annotated[int, Field(ge=1, le=4096)] = 200
    layers: Annotated[int, Field(ge=1, le=16)] = 1
    norm: Literal["batch", "layer"] = "batch"


class NgramConfig(Section):
    """The n-gram: `order` 5 predicts from 4 symbols; `discount` is what each count gives up for what was never seen."""

    kind: Literal["ngram"] = "ngram"
    order: Annotated[int, Field(ge=1, le=8)] = 5
    discount: Annotated[float, Field(gt=0, lt=1)] = 0.75


class TransformerConfig(Section):
    """The transformer: `layers` of attention to the last `context` symbols, with `heads` heads, on `width` numbers."""

    kind: Literal["transformer"] = "transformer"
    context: Annotated[int, Field(ge=1, le=4096)] = 16
    width: Annotated[int, Field(ge=1, le=4096)] = 64
    heads: Annotated[int, Field(ge=1, le=64)] = 4
    layers: Annotated[int, Field(ge=1, le=64)] = 4

    @model_validator(mode="after")
    def _heads_divide(self) -> TransformerConfig:
        if self.width % self.heads:
            raise ValueError(f"{self.heads} heads cannot share a width of {self.width}: it must be a multiple of them")
        return self


class WaveNetConfig(Section):
    """The WaveNet: `stacks` times the dilations 1, 2, 4 ... of `levels` levels, or any others by `dilations`."""

    kind: Literal["wavenet"] = "wavenet"
    stacks: Annotated[int, Field(ge=1, le=64)] = 1
    levels: Annotated[int, Field(ge=1, le=16)] = 6
    dilations: Annotated[tuple[Annotated[int, Field(ge=1, le=65536)], ...], BeforeValidator(_parts)] | None = None
    """In place of `stacks` and `levels`."""
    kernel: Annotated[int, Field(ge=2, le=16)] = 2
    channels: Annotated[int, Field(ge=1, le=4096)] = 128
    hidden: Annotated[int, Field(ge=1, le=4096)] = 128
    skip: Annotated[int, Field(ge=1, le=4096)] = 128
    norm: Literal["layer", "none"] = "layer"
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0

    @property
    def all_dilations(self) -> tuple[int, ...]:
        """The dilation of each level, from the symbols up."""
        return self.dilations or tuple(1 << level for level in range(self.levels)) * self.stacks

    @model_validator(mode="after")
    def _no_holes(self) -> WaveNetConfig:
        seen = 1  # as far back as there is no hole
        for dilation in sorted(self.all_dilations):
            if dilation > seen:
                raise ValueError(
                    f"with the dilations {', '.join(map(str, self.all_dilations))} the symbol {seen} back is never "
                    f"seen: add one of at most {seen}"
                )
            seen += (self.kernel - 1) * dilation
        if len(self.all_dilations) > 256 or seen > 1 << 20:
            raise ValueError("more than 256 levels, or more than 1,048,576 symbols to see, are too many")
        return self


ModelConfig = Annotated[TreeConfig | FlatConfig | TransformerConfig | WaveNetConfig, Field(discriminator="kind")]
"""A model that training by gradients can make."""
KINDS: dict[str, type[Section]] = {
    "tree": TreeConfig,
    "flat": FlatConfig,
    "transformer": TransformerConfig,
    "wavenet": WaveNetConfig,
}


def _halves(count: int) -> int:
    if count.bit_count() != 1:
        raise ValueError("it must be 1, 2, 4, 8 or 16, halves of halves")
    return count


class TrainConfig(Section):
    """The recipe. `steps` or `epochs` say how long, and `seconds` is a limit beside them, or all there is."""

    seed: Annotated[int, Field(ge=0, lt=2**63)] = 1
    steps: Annotated[int, Field(ge=1, le=10**9)] | None = None
    epochs: Annotated[float, Field(gt=0, le=10**6)] | None = None
    seconds: Annotated[float, Field(gt=0, le=10**7)] | None = None
    batch_items: Annotated[int, Field(ge=1, le=65536)] = 256
    """Items of a step, where a list is learnt; fewer where the list is small, so that a pass has a dozen steps."""
    rows: Annotated[int, Field(ge=1, le=65536)] = 16
    """Rows of a step, and `length` symbols of each, where a stream is learnt."""
    length: Annotated[int, Field(ge=1, le=1 << 20)] = 256
    parts: Annotated[int, Field(ge=1, le=16), AfterValidator(_halves)] = 2
    """Parts that the rows of a step are cut into, each of which may have a processor: a thread's, or a process's."""
    optimiser: Literal["sgd", "adamw", "muon"] = "muon"
    learning_rate: Annotated[float, Field(gt=0, le=10)] = 0.012
    matrix_rate: Annotated[float, Field(gt=0, le=1000)] = 6.0
    """Muon's learning rate for the matrices, as a multiple of `learning_rate`."""
    weight_decay: Annotated[float, Field(ge=0, le=10)] = 0.12
    schedule: Literal["linear", "lecture"] = "linear"
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.05
    """The share of all steps in which the rate rises from zero (schedule `linear`)."""
    average: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """The decay of the averaged weights, which are the ones judged and kept; 0 keeps the last weights."""
    checks: Annotated[int, Field(ge=1, le=10**6)] = 10
    """How many times, evenly spaced, validation is measured, a few items sampled and a checkpoint written."""
    diagnose_every: Annotated[int, Field(ge=0, le=10**9)] = 100
    """Steps from one look inside to the next: gradients, updates and units of every level, for the report. 0: none."""
    checkpoint_every: Annotated[int, Field(ge=0, le=10**9)] = 0
    """Steps from one checkpoint to the next, besides those of the checks; 0 writes no others."""
    keep_last: Annotated[int, Field(ge=1, le=10**6)] = 2
    """How many of the last checkpoints are kept, besides the best: where one is damaged, the one before it serves."""
    precision: Literal["float32", "bfloat16", "auto"] = "float32"
    """Of the products of matrices in training; auto is bfloat16 where the device has units for it. All that is
    judged and kept is float32."""
    device: Literal["cpu", "cuda", "mps"] = "cpu"
    """What takes the steps and measures losses. Samples and checkpoints are the CPU's, and fit every device."""
    threads: Annotated[int, Field(ge=0, le=1024)] = 0
    """Processor threads; 0 takes all (of a stream one for each of its `parts`) or one, whichever a short trial finds
    faster, and keeps it."""

    @model_validator(mode="after")
    def _some_length(self) -> TrainConfig:
        if self.steps is not None and self.epochs is not None:
            raise ValueError("steps and epochs each say how long: give one of them")
        if self.steps is None and self.epochs is None and self.seconds is None:
            raise ValueError("nothing says how long: give steps, epochs or seconds")
        return self


class Config(Section):
    """All settings of a run, as `config.json` keeps them."""

    data: DataConfig = DataConfig()
    model: ModelConfig = TreeConfig()
    train: TrainConfig = TrainConfig(epochs=4)

    @property
    def noisy(self) -> bool:
        """Whether a training step draws random numbers of its own."""
        return isinstance(self.model, WaveNetConfig) and self.model.dropout > 0


LENGTHS = ("steps", "epochs")
"""Of `train`: one of them says how long."""
LIMITS = (*LENGTHS, "seconds")
UNSET = (*LIMITS, "dilations")
"""Settings that `none` takes away."""
SPELT = 0.85
"""How much alike a misspelt setting is to one that there is, of which the section alone is half."""
NO_CONTEXT = (
    "a tree has no context to set: every level doubles what it sees. model.levels=3 sees 8 symbols, model.levels=4 "
    "sees 16."
)
PLAIN_WORDS = {
    "input should be": "it must be",
    "a valid integer": "a whole number",
    "a valid number": "a number",
    ", unable to parse string as an integer": "",
    ", unable to parse string as a number": "",
    "greater than or equal to": "at least",
    "less than or equal to": "at most",
}
"""Of the validator, in ours."""

PRESETS: dict[str, Config] = {
    "names": Config(
        model=TreeConfig(levels=3, embedding=24, hidden=224),
        train=TrainConfig(epochs=8),
    ),
    "names-small": Config(  # at most 150,000 parameters
        model=TreeConfig(levels=3, embedding=24, hidden=180),
        train=TrainConfig(epochs=14, weight_decay=0.16),
    ),
    "names-large": Config(  # for a minute
        model=TreeConfig(levels=3, embedding=24, hidden=448),
        train=TrainConfig(epochs=12, weight_decay=0.22),
    ),
    "lecture": Config(
        model=TreeConfig(levels=3, embedding=24, hidden=128),  # the lecture's scaled-up network, 76,579 parameters
        train=TrainConfig(epochs=4.5, checks=3, batch_items=512, learning_rate=0.03, weight_decay=0.05),
    ),
    "decades": Config(  # names under their sex and decade
        data=DataConfig(fields=("sex", "decade")),
        model=TreeConfig(levels=3, embedding=32, hidden=224),
        train=TrainConfig(epochs=8),
    ),
    "text-small": Config(  # for some minutes of a small or slow machine: no text is read often enough to need dropout
        data=DataConfig(kind="text", split="blocks"),
        model=WaveNetConfig(levels=6, channels=96, hidden=96, skip=96),
        train=TrainConfig(
            epochs=8,  # a small text is learnt by heart after as many
            seconds=150,
            learning_rate=0.01,
            matrix_rate=3,
            weight_decay=0.1,
            checks=2,
            rows=4,
            length=384,
            precision="auto",
        ),
    ),
    "text": Config(
        data=DataConfig(kind="text", split="blocks"),
        model=WaveNetConfig(levels=6, channels=128, hidden=128, skip=128, dropout=0.15),
        train=TrainConfig(
            epochs=30,
            seconds=150,
            learning_rate=0.009,
            matrix_rate=3,
            weight_decay=0.1,
            checks=5,
            rows=4,
            length=384,
            precision="auto",
        ),
    ),
    "text-large": Config(  # for a quarter of an hour
        data=DataConfig(kind="text", split="blocks"),
        model=WaveNetConfig(levels=7, channels=192, hidden=192, skip=192, dropout=0.4),
        train=TrainConfig(
            epochs=40,
            seconds=900,
            learning_rate=0.006,
            matrix_rate=3,
            weight_decay=0.1,
            checks=6,
            rows=16,
            length=256,
            precision="auto",
        ),
    ),
    "audio": Config(
        data=DataConfig(kind="audio", split="files", rate=16_000),
        model=WaveNetConfig(stacks=3, levels=10, channels=48, hidden=48, skip=64, norm="none"),
        train=TrainConfig(seconds=3600, learning_rate=0.02, matrix_rate=3, rows=2, length=6144, precision="auto"),
    ),
    "audio-small": Config(
        data=DataConfig(kind="audio", split="files", rate=8_000),
        model=WaveNetConfig(stacks=2, levels=9, channels=48, hidden=48, skip=64, norm="none"),
        train=TrainConfig(
            seconds=600, learning_rate=0.02, matrix_rate=3, rows=4, length=2048, checks=5, precision="auto"
        ),
    ),
}
"""Settings that belong together, by what they are for. Chosen by measurement: see docs/log.md."""


def configure(preset: str = "names", changes: Iterable[str] = ()) -> Config:
    """The preset with changes such as `model.levels=4`, applied in order. Raises SettingError.

    Setting train.steps or train.epochs replaces what the preset says of how long; train.seconds is a limit beside it.
    Setting model.kind begins the model's settings anew, with the defaults of that kind.
    """
    if preset not in PRESETS:
        raise SettingError(
            f"there is no preset {preset!r}{_nearest(preset, PRESETS)}: it is one of {', '.join(PRESETS)}."
        )
    settings: dict[str, Any] = PRESETS[preset].model_dump()
    parted = [[part.strip() for part in change.partition("=")] for change in changes]
    lengths = {f"train.{name}" for name in LENGTHS}
    if any(path in lengths and value.lower() != "none" for path, _, value in parted):
        settings["train"] |= dict.fromkeys(LIMITS)
    for path, equals, value in parted:
        if not equals:
            raise SettingError(f"--set {path!r} has no value: write it as {path or 'model.levels'}=VALUE.")
        section, _, name = path.partition(".")
        known = {f"{section}.{name}" for section, names in settings.items() for name in names}
        if path == "model.context" and settings["model"]["kind"] == "tree":
            raise SettingError(NO_CONTEXT)
        if path not in known:
            of_section = sorted(each for each in known if each.startswith(f"{section}."))
            of_name = sorted(each for each in known if each.partition(".")[2] == path)
            there = of_section or of_name or sorted(known)
            if len(of_name) == 1:
                raise SettingError(f"there is no setting {path!r}: its name is {of_name[0]!r}.")
            raise SettingError(
                f"there is no setting {path!r}{_nearest(path, there, SPELT)}: there are {', '.join(there)}."
            )
        if path in lengths and value.lower() != "none":
            settings["train"] |= dict.fromkeys(LENGTHS)
        if path == "model.kind" and value in KINDS:
            settings["model"] = KINDS[value]().model_dump()
        settings[section][name] = None if name in UNSET and value.lower() == "none" else value
    try:
        return Config.model_validate(settings)
    except ValidationError as error:
        raise SettingError(_sentence(error, settings)) from None


def _nearest(name: str, known: Iterable[str], alike: float = 0.5) -> str:
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=alike)
    return f" (did you mean {near[0]!r}?)" if near else ""


def _sentence(error: ValidationError, settings: dict[str, Any]) -> str:
    first = error.errors()[0]
    where = [str(part) for part in first["loc"] if part not in KINDS]
    reason = first["msg"].removeprefix("Value error, ")
    reason = reason[0].lower() + reason[1:]
    for theirs, ours in PLAIN_WORDS.items():
        reason = reason.replace(theirs, ours)
    if first["type"] == "union_tag_invalid":
        kind = settings["model"]["kind"]
        return f"model.kind cannot be {kind!r}{_nearest(kind, KINDS)}: it is one of {', '.join(KINDS)}."
    if len(where) < 2:
        return f"the settings of {'.'.join(where)} do not fit together: {reason}."
    return f"{'.'.join(where[:2])} cannot be {settings[where[0]][where[1]]!r}: {reason}."
