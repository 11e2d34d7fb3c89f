"""What a run was learnt from, as its config.json says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict


class _Origin(BaseModel):
    model_config = ConfigDict(strict=True)

    sha256: str


class _List(_Origin):
    source: str = ""
    items: int = 0
    distinct: int = 0


class _Corpus(_Origin):
    sources: list[str] = []  # a published run names none


def origin_of(about: Mapping[str, object]) -> dict[str, Any]:
    """The digest, and of a list where it came from and how long it is, of a stream its sources. Raises ValueError."""
    kind, name = (_List, "list") if "list" in about else (_Corpus, "corpus")
    return kind.model_validate(about.get(name)).model_dump(exclude_unset=True)
