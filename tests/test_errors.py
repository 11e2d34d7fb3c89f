"""One tree of errors; each has an exit code and a place in the drawing."""

from __future__ import annotations

import pytest

from wavetree import errors

ALL = [thing for thing in vars(errors).values() if isinstance(thing, type) and issubclass(thing, Exception)]


@pytest.mark.parametrize("kind", ALL)
def test_every_error_has_its_place(kind: type[Exception]) -> None:
    assert issubclass(kind, errors.WavetreeError)
    assert kind.exit_code in {1, 2, 3}
    assert kind.__doc__
    (line,) = [line for line in (errors.__doc__ or "").splitlines() if kind.__name__ in line.split()]
    drawn = int(line.partition("exit code ")[2][:1] or errors.InputError.exit_code)
    assert drawn == kind.exit_code
