"""The one table of limits: what the guard counts, what the bodies are checked by, what `/limits` shows."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Limit:
    """From `least` to `most`, both allowed, in `unit`s."""

    name: str
    least: float
    most: float
    unit: str
    about: str


TABLE: tuple[Limit, ...] = (
    Limit("body_bytes", 0, 1 << 20, "bytes", "a body"),
    Limit("list_bytes", 0, 16 << 20, "bytes", "a body with a list to learn"),
    Limit("body_seconds", 0, 10, "seconds", "until a body has come"),
    Limit("headers", 0, 64, "headers", "of a request"),
    Limit("header_bytes", 0, 16 << 10, "bytes", "all headers of a request, and its path"),
    Limit("header_seconds", 0, 10, "seconds", "until the headers have come"),
    Limit("depth", 0, 16, "levels", "brackets within brackets in a body"),
    Limit("requests", 1, 512, "requests", "being answered at once; more get 429"),
    Limit("queue", 1, 256, "requests", "waiting for the model; more get 429"),
    Limit("streams", 1, 64, "streams", "open at once; more get 429"),
    Limit("seconds", 0, 20, "seconds", "until an answer is given up"),
    Limit("strings", 1, 256, "strings", "texts or items of a request"),
    Limit("symbols", 0, 4096, "symbols", "of a text or an item"),
    Limit("inspected", 0, 512, "symbols", "of a text that is inspected"),
    Limit("samples", 1, 1000, "items", "sampled by a request"),
    Limit("length", 1, 500, "symbols", "of a sampled or completed item"),
    Limit("completions", 1, 100, "items", "completed by a request"),
    Limit("temperature", 0, 100, "", "0 takes the likeliest symbol"),
    Limit("top_k", 1, 4097, "symbols", "that a symbol is chosen among"),
    Limit("top_p", 1e-6, 1, "", "share of the probability that a symbol is chosen among"),
    Limit("top", 1, 4097, "symbols", "of a prediction that are shown"),
    Limit("seed", 0, 2**53 - 1, "", "of what is drawn"),
    Limit("fpr", 1e-6, 0.999999, "", "share of good items that is flagged"),
    Limit("condition", 0, 500, "symbols", "of what is told besides"),
    Limit("position", 0, 4096, "symbols", "a place in a text"),
    Limit("level", 0, 11, "levels", "of the tree, from 0"),
    Limit("answer", 0, 400, "symbols", "of an answer to a question"),
    Limit("name", 1, 64, "symbols", "of the name of a run"),
    Limit("list_symbols", 0, 4 << 20, "symbols", "of a list to learn"),
    Limit("train_seconds", 0.1, 3600, "seconds", "of training"),
    Limit("train_epochs", 0.01, 1000, "epochs", "of training"),
    Limit("train_levels", 1, 10, "levels", "of a model to train"),
    Limit("train_width", 1, 1024, "numbers", "of a vector of a model to train"),
    Limit("train_rate", 1e-6, 10, "", "learning rate"),
    Limit("train_seeds", 1, 5, "trainings", "of each rung of the ladder"),
    Limit("jobs", 1, 2, "jobs", "training at once; more get 429"),
    Limit("kept_jobs", 1, 50, "jobs", "that are remembered"),
    Limit("loaded", 1, 8, "runs", "in memory at once"),
)
_BY_NAME = {limit.name: limit for limit in TABLE}


def most(name: str) -> int:
    """The largest value allowed, where it is a whole number."""
    return int(_BY_NAME[name].most)


def limit(name: str) -> Limit:
    """A row of the table."""
    return _BY_NAME[name]


def shown() -> list[dict[str, object]]:
    """The table for `/limits`."""
    return [asdict(each) for each in TABLE]
