"""What items may carry beside their text: one class for each named field, such as sex=F and decade=1920."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from wavetree.data.columns import Labels, checked_names
from wavetree.data.lists import ItemList
from wavetree.errors import DamagedError, SettingError

Ids = npt.NDArray[np.int64]

NOT_TOLD = 0
"""The id of a field that nothing is said about. Class `i` of a field has id `i + 1`."""
SHOWN = 40
"""How many classes of a field a message lists."""


@dataclass(frozen=True)
class Fields:
    """The fields of a list in their order, each a name and its classes, sorted. Without fields it is false."""

    tables: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @classmethod
    def of(cls, items: ItemList) -> Fields:
        """The fields of a list, with all classes that occur in it."""
        columns = [{labels[f] for labels in items.labels} for f in range(len(items.fields))]
        return cls(tuple((name, tuple(sorted(column))) for name, column in zip(items.fields, columns, strict=True)))

    def __len__(self) -> int:
        """F: how many fields there are."""
        return len(self.tables)

    @property
    def sizes(self) -> tuple[int, ...]:
        """For each field, how many ids it has: one for each class, and NOT_TOLD."""
        return tuple(len(classes) + 1 for _, classes in self.tables)

    @property
    def width(self) -> int:
        """G: the numbers of a condition, one for each class of each field."""
        return sum(len(classes) for _, classes in self.tables)

    def one_hot(self, classes: Ids) -> npt.NDArray[np.float32]:
        """Class ids (..., F) as conditions (..., G): a one for each class that is told, zeros for the others."""
        columns = [
            np.eye(size, dtype=np.float32)[classes[..., f]][..., NOT_TOLD + 1 :] for f, size in enumerate(self.sizes)
        ]
        return np.concatenate([np.zeros((*classes.shape[:-1], 0), dtype=np.float32), *columns], axis=-1)

    def encode(self, labels: Sequence[Labels]) -> Ids:
        """The ids of the labels of K items, shape (K, F). Raises SettingError for a class that is not known."""
        ids = np.empty((len(labels), len(self)), dtype=np.int64)
        for f, (name, classes) in enumerate(self.tables):
            numbers = {label: i for i, label in enumerate(classes, NOT_TOLD + 1)}
            try:
                ids[:, f] = [numbers[told[f]] for told in labels]
            except KeyError as error:
                raise _no_class(name, error.args[0], classes) from None
        return ids

    def parse(self, text: str) -> Ids:
        """The ids of `sex=F,decade=1920`, shape (F,), with NOT_TOLD for each field that is left out.

        An empty text leaves out all. A comma begins a new field only where a '=' follows before the next comma: a
        class may hold commas. Raises SettingError for a field or class that is not known, a field named twice, and a
        part without '='.
        """
        ids = np.full(len(self), NOT_TOLD, dtype=np.int64)
        tables = {name: (f, classes) for f, (name, classes) in enumerate(self.tables)}
        for part in re.split(",(?=[^,=]*=)", text) if text.strip() else []:
            name, equals, label = part.partition("=")
            name = name.strip()
            if not equals:
                raise SettingError(f"the condition {part!r} names no field: write it as FIELD=CLASS. {self.describe()}")
            if name not in tables:
                near = _nearest(name, list(tables))
                raise SettingError(f"there is no field {name!r} for a condition.{near} {self.describe()}")
            f, classes = tables[name]
            if ids[f] != NOT_TOLD:
                raise SettingError(f"the condition {text!r} has {name} twice: give each field one class.")
            label = label if label in classes else label.strip()
            if label not in classes:
                raise _no_class(name, label, classes)
            ids[f] = classes.index(label) + NOT_TOLD + 1
        return ids

    def describe(self) -> str:
        """A sentence that tells a person which conditions there are, shortened where they are many."""
        if not self:
            return "There are no fields: conditions come from a list with fields, or from the folders of clips."
        return f"The fields are {'; '.join(f'{name}: {_listed(classes)}' for name, classes in self.tables)}."

    def to_json(self) -> dict[str, object]:
        """What `fields.json` holds."""
        return {
            "fields": [{"name": name, "classes": list(classes)} for name, classes in self.tables],
            "not_told": NOT_TOLD,
        }

    @classmethod
    def from_json(cls, document: dict[str, object]) -> Fields:
        """The fields that `to_json` wrote. Raises DamagedError for anything else."""
        try:
            tables = [(table["name"], tuple(table["classes"])) for table in document["fields"]]  # type: ignore[attr-defined]
            checked_names(name for name, _ in tables)
            made = cls(tuple((name, tuple(sorted(set(classes)))) for name, classes in tables))
        except (KeyError, TypeError, SettingError):
            made = None
        if made is None or made.to_json() != document or not _all_text(made):
            raise DamagedError("fields.json does not describe fields; copy the run folder again from its source.")
        return made


def _all_text(fields: Fields) -> bool:
    return all(classes and all(isinstance(label, str) for label in classes) for _, classes in fields.tables)


def _no_class(name: str, label: str, classes: Sequence[str]) -> SettingError:
    near = _nearest(label, classes)
    return SettingError(f"the field {name} has no class {label!r}.{near} It has {_listed(classes)}.")


def _nearest(given: str, known: Sequence[str]) -> str:
    """What `given` may have meant, whatever its case."""
    folded = {name.casefold(): name for name in known}
    near = difflib.get_close_matches(given.casefold(), folded, n=1)
    return f" Did you mean {folded[near[0]]}?" if near else ""


def _listed(classes: Sequence[str]) -> str:
    more = f" and {len(classes) - SHOWN:,} more" if len(classes) > SHOWN else ""
    return ", ".join(classes[:SHOWN]) + more
