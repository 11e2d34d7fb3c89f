"""A list learnt and judged with the conventions of scikit-learn, which need not be installed."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import safetensors.torch

from wavetree.api import begin
from wavetree.codecs import PAD, AlphabetCodec
from wavetree.config import Config, configure
from wavetree.errors import ListError, NotFittedError, SettingError
from wavetree.generate import Choice
from wavetree.generate import sample as drawn
from wavetree.models import AnyModel, build
from wavetree.runs import Trained, load
from wavetree.runs.trained import given_size
from wavetree.score import ItemScore, calibration_of, scores
from wavetree.score.along import UNKNOWN, Position, advance, beginning
from wavetree.score.surprisal import NATS_A_BIT
from wavetree.train import train

Wide = npt.NDArray[np.float64]
PARAMETERS = ("preset", "settings", "contamination", "precision", "random_state")
PRECISIONS = ("float32", "float64")


class Scorer:
    """Learns a list of strings, and says of others how normal they are.

        scorer = wavetree.Scorer(settings={"train.seconds": 2}).fit(names)
        scorer.score_samples(["maria", "xqzvw"])       higher is more normal
        scorer.predict(["maria", "xqzvw"])             1 is normal, -1 is not

    `preset` and `settings` are those of `wavetree.fit`; `contamination` is the share of good strings that `predict` may
    take for bad ones, in the mean, by the strings that `fit` holds out (`threshold_` has its interval); `precision` is
    float32 or float64; `random_state` is the seed. A score is minus the surprise of a string for its length: about 0
    for usual ones. A string with a symbol that was never met has a score of minus infinity.

    It can be pickled: what is kept is numbers and text, no class of torch. Fitted attributes end in an underscore.
    """

    def __init__(
        self,
        preset: str = "names",
        settings: Mapping[str, object] | None = None,
        contamination: float = 0.01,
        precision: str = "float32",
        random_state: int = 1,
    ) -> None:
        self.preset, self.settings, self.contamination = preset, settings, contamination
        self.precision, self.random_state = precision, random_state

    @classmethod
    def from_run(cls, run: str | Path, contamination: float = 0.01, precision: str = "float32") -> Scorer:
        """One that is fitted already: by the run of a list. Raises RunError for a run of a stream.

        A run with conditions judges strings of which nothing is told.
        """
        return cls(contamination=contamination, precision=precision)._take(load(run))

    # --- scikit-learn's conventions

    def fit(self, X: Iterable[str], y: object = None) -> Scorer:
        """Learns the strings of `X`, of which a tenth is held out to judge by; `y` is not looked at.

        Raises ListError for what `wavetree.make_list` would refuse, such as fewer than 50 distinct strings.
        """
        changes: dict[str, object] = {"train.seed": self.random_state, **(self.settings or {})}
        config = configure(self.preset, [f"{name}={value}" for name, value in changes.items()])
        if config.data.kind != "items" or config.data.fields:
            raise SettingError("a Scorer learns a list without fields: choose the preset names or lecture.")
        self._check()
        with tempfile.TemporaryDirectory() as folder:
            run = begin(_strings(X), Path(folder, "run"), config)
            train(run)
            return self._take(load(run.path))

    def score_samples(self, X: Iterable[str]) -> Wide:
        """How normal each string is, (K,): minus its surprise for its length."""
        found = scores(self._fitted(), self._codec, _strings(X))
        return -self.calibration_.expected.score(found.nats, found.symbols)

    def decision_function(self, X: Iterable[str]) -> Wide:
        """`score_samples` less `offset_`, (K,): below zero is not normal."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: Iterable[str]) -> npt.NDArray[np.int64]:
        """1 for each string that is normal, -1 for each that is not, (K,)."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def fit_predict(self, X: Iterable[str], y: object = None) -> npt.NDArray[np.int64]:
        """`fit`, then `predict` of the same strings."""
        strings = _strings(X)
        return self.fit(strings, y).predict(strings)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The arguments that it was made with."""
        return {name: getattr(self, name) for name in PARAMETERS}

    def set_params(self, **params: object) -> Scorer:
        """Changes arguments; what is fitted stays. Raises SettingError, for a name that there is not."""
        for name, value in params.items():
            if name not in PARAMETERS:
                raise SettingError(f"a Scorer has no parameter {name!r}: it has {', '.join(PARAMETERS)}.")
            setattr(self, name, value)
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "weights_")

    def __sklearn_tags__(self) -> object:
        """What scikit-learn asks: it is loaded then, and nobody else calls this."""
        kinds: Any = sys.modules["sklearn.utils"]
        return kinds.Tags(
            estimator_type="outlier_detector",
            target_tags=kinds.TargetTags(required=False),
            input_tags=kinds.InputTags(two_d_array=False, one_d_array=True, string=True),
        )

    def __repr__(self) -> str:
        changed = {name: value for name, value in self.get_params().items() if value != getattr(Scorer(), name)}
        return f"Scorer({', '.join(f'{name}={value!r}' for name, value in changed.items())})"

    # --- besides

    def explain(self, item: str) -> ItemScore:
        """The surprisal of every symbol of a string and of its end, with `blame()` for the most surprising ones."""
        return scores(self._fitted(), self._codec, [item])[0]

    def score(self, symbol: str, state: Position | None = None) -> tuple[float, Position]:
        """One symbol of a stream: its surprisal in bits, and the state after it. No state is the beginning.

        A symbol of "" ends the string. A state is a value: the old one stays good. Raises SettingError
        for more than one symbol at once.
        """
        model = self._fitted()
        asked: object = symbol
        if not isinstance(asked, str) or len(asked) > 1:
            what = f"a text of {len(asked)}" if isinstance(asked, str) else f"a {type(asked).__name__}"
            raise SettingError(
                f"score takes one symbol at a time, not {what}: it goes along a stream; score_samples judges a list."
            )
        known = symbol in self._codec.symbols
        identity = self._codec.symbols.index(symbol) + 1 if symbol and known else UNKNOWN if symbol else PAD
        nats, after = advance(model, identity, beginning(model) if state is None else state)
        return nats / NATS_A_BIT, after

    def sample(self, count: int = 20, seed: int = 1) -> list[str]:
        """Strings that the model makes up: the same ones for the same seed. Raises SettingError for less than one."""
        if count < 1:
            raise SettingError(f"{count} cannot be sampled: ask for 1 or more.")
        made: Iterator[Any] = drawn(self._fitted(), seed, Choice())
        return [self._codec.decode(one.ids) for one in islice(made, count)]

    # --- what is kept

    def _take(self, trained: Trained) -> Scorer:
        """What was trained becomes what is fitted."""
        self._check()
        self.config_ = trained.folder.config().model_dump()
        self.alphabet_ = trained.alphabet.symbols
        self.given_size_ = given_size(trained.folder)
        weights = {name: tensor.contiguous() for name, tensor in trained.model.state_dict().items()}
        self.weights_ = safetensors.torch.save(weights)
        self.calibration_ = calibration_of(trained)[0]
        self.threshold_ = self.calibration_.threshold(self.contamination)
        self.offset_ = -self.threshold_.score
        self.__dict__.pop("_built", None)
        self._fitted()
        return self

    def _check(self) -> None:
        """Raises SettingError for a contamination, or a precision, that there is not."""
        if self.precision not in PRECISIONS:
            raise SettingError(f"precision cannot be {self.precision!r}: it is one of {', '.join(PRECISIONS)}.")
        share: object = self.contamination
        if not isinstance(share, Real) or not 0 < float(share) < 1:
            raise SettingError(f"contamination cannot be {self.contamination!r}: give a share between 0 and 1.")

    def _fitted(self) -> AnyModel:
        """The model. Raises NotFittedError before `fit`."""
        if not hasattr(self, "weights_"):
            raise NotFittedError("this Scorer is not fitted yet: call fit with a list of strings first.")
        kept: tuple[str, AnyModel] | None = self.__dict__.get("_built")
        if kept is None or kept[0] != self.precision:
            config = Config.model_validate(self.config_)
            model: AnyModel = build(config.model, len(self.alphabet_) + 1, 0, self.given_size_)
            model.load_state_dict(safetensors.torch.load(self.weights_))
            model.eval()
            kept = self.precision, model.double() if self.precision == "float64" else model
            self._built = kept
        return kept[1]

    @property
    def _codec(self) -> AlphabetCodec:
        return AlphabetCodec(self.alphabet_)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_built"}


def _strings(given: object) -> list[str]:
    """A list, an array (K,) or a column of strings as a list. Raises ListError for anything else."""
    if isinstance(given, str):
        raise ListError("X is a single string. Give a list of strings, one for each item.")
    if getattr(given, "ndim", 1) != 1:
        raise ListError(f"X has {getattr(given, 'ndim', 0)} dimensions. Give one column of strings.")
    if not isinstance(given, Iterable):
        raise ListError(f"X is {type(given).__name__}. Give a list of strings, one for each item.")
    strings = list(given)
    for place, one in enumerate(strings):
        if not isinstance(one, str):
            raise ListError(f"X, item {place + 1} is {type(one).__name__}. Give strings.")
    return [str(one) for one in strings]
