"""What may be asked, field by field. Every limit is from the table, and so in the OpenAPI document."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from wavetree.serve.limits import limit


def _between(name: str) -> Any:
    """The bounds of a number."""
    row = limit(name)
    return Field(ge=row.least, le=row.most)


def _as_whole(value: object) -> object:
    """JSON knows one kind of number: 3.0 is as whole as 3."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


AS_WHOLE = BeforeValidator(_as_whole)


def _whole(name: str) -> Any:
    row = limit(name)
    return Field(ge=int(row.least), le=int(row.most))


def _long(name: str) -> Any:
    """The bounds of a length."""
    row = limit(name)
    return Field(min_length=int(row.least), max_length=int(row.most))


Text = Annotated[str, _long("symbols")]
Inspected = Annotated[str, _long("inspected")]
Prefix = Annotated[str, Field(max_length=int(limit("length").most))]
Condition = Annotated[str, _long("condition")]
Seed = Annotated[int, _whole("seed"), AS_WHOLE]
Length = Annotated[int, _whole("length"), AS_WHOLE]
Temperature = Annotated[float, _between("temperature")]
TopK = Annotated[int, _whole("top_k"), AS_WHOLE]
TopP = Annotated[float, _between("top_p")]
Top = Annotated[int, _whole("top"), AS_WHOLE]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", max_length=int(limit("name").most))]
Strings = Annotated[list[Text], _long("strings")]
ListText = Annotated[str, _long("list_symbols")]


class Body(BaseModel):
    """The body of a request: no unknown names, no number for a text, nothing infinite."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)


class Nothing(Body):
    """An empty object."""


class SampleBody(Body):
    """What to draw. `novel`: only items that are not in the list, each once."""

    count: Annotated[int, _whole("samples"), AS_WHOLE] = 20
    prefix: Prefix = ""
    seed: Seed = 1
    temperature: Temperature = 1.0
    top_k: TopK | None = None
    top_p: TopP | None = None
    max_length: Length = 100
    novel: bool = False
    condition: Condition = ""


class CompleteBody(Body):
    """The likeliest items that begin with `prefix`."""

    prefix: Prefix = ""
    count: Annotated[int, _whole("completions"), AS_WHOLE] = 10
    max_length: Length = 50
    condition: Condition = ""


class ScoreBody(Body):
    """Strings to score. `fpr`: flag what would be rarer than this share among good items."""

    items: Strings
    fpr: Annotated[float, _between("fpr")] = 0.01
    condition: Condition = ""


class NextBody(Body):
    """Texts whose next symbol is asked for."""

    texts: Strings
    temperature: Temperature = 1.0
    top_k: TopK | None = None
    top_p: TopP | None = None
    top: Top = int(limit("top").most)
    condition: Condition = ""


class TraceBody(Body):
    """A fusion: position 0 is the pad before the text."""

    level: Annotated[int, _whole("level"), AS_WHOLE]
    position: Annotated[int, _whole("position"), AS_WHOLE]


class FlipBody(Body):
    """A symbol to change, counted from 1, into `symbol`, or into the next one of the alphabet."""

    position: Annotated[int, _whole("position"), AS_WHOLE]
    symbol: Annotated[str, Field(min_length=1, max_length=1)] | None = None


class InspectBody(Body):
    """A text to look at."""

    text: Inspected = ""
    top: Top = 5
    trace: TraceBody | None = None
    flip: FlipBody | None = None


class TrainBody(Body):
    """A list to learn, one item a line, or the names that come along; and by what."""

    name: Name = "mine"
    text: ListText | None = None
    preset: Literal["names", "lecture"] = "names"
    seconds: Annotated[float, _between("train_seconds")] | None = None
    epochs: Annotated[float, _between("train_epochs")] | None = None
    seed: Seed = 1
    model: Literal["tree", "flat", "transformer", "wavenet"] | None = None
    levels: Annotated[int, _whole("train_levels"), AS_WHOLE] | None = None
    embedding: Annotated[int, _whole("train_width"), AS_WHOLE] | None = None
    hidden: Annotated[int, _whole("train_width"), AS_WHOLE] | None = None
    learning_rate: Annotated[float, _between("train_rate")] | None = None

    def changes(self) -> list[str]:
        """Of the preset, as the command takes them."""
        kind = self.model or "tree"
        names = {
            "model.kind": self.model,
            "model.levels": self.levels if kind in ("tree", "wavenet") else None,
            "model.embedding": self.embedding if kind in ("tree", "flat") else None,
            "model.hidden": self.hidden if kind != "transformer" else None,
            "train.seed": self.seed,
            "train.seconds": self.seconds,
            "train.epochs": self.epochs,
            "train.learning_rate": self.learning_rate,
        }
        return [f"{name}={value}" for name, value in names.items() if value is not None]


class CompareBody(Body):
    """A list to climb the ladder on."""

    text: ListText | None = None
    name: Name = "names"
    split: Literal["lecture", "hash"] = "lecture"
    seeds: Annotated[int, _whole("train_seeds"), AS_WHOLE] = 1


class GradeBody(Body):
    """An answer to a question with the numbers of `seed`."""

    seed: Seed = 1
    answer: Annotated[str, _long("answer")]
