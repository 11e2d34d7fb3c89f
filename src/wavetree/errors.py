"""What can go wrong, as one tree. Every message is a sentence: what is wrong, where, and what to do next.

    WavetreeError              exit code 1: a check said no
    ├── InputError             exit code 2: what the user gave
    │   ├── ListError          a list file or an item in it
    │   ├── AudioError         an audio file, or samples in it
    │   ├── SymbolError        a symbol that the model's alphabet lacks
    │   ├── SettingError       an unknown setting, or a value that it cannot take
    │   ├── RunError           a run folder that is missing, or in the way
    │   ├── NotFittedError     a Scorer that has learnt nothing yet
    │   └── SaveError          a place that cannot be written to; what was saved before still loads
    └── DamagedError           exit code 3: a file of a run is truncated or altered

Only the command turns them into output.
"""

from __future__ import annotations


class WavetreeError(Exception):
    """The root of the tree. `exit_code` is what the command returns."""

    exit_code = 1


class InputError(WavetreeError):
    """The user's input is at fault."""

    exit_code = 2


class ListError(InputError):
    """A list file, or an item in it, cannot be used."""


class AudioError(InputError):
    """An audio file, or samples, cannot be used; or the library that they need is missing."""


class SymbolError(InputError):
    """A text holds a symbol that the model's alphabet lacks."""


class SettingError(InputError):
    """A setting does not exist, or cannot take the value it was given."""


class RunError(InputError):
    """A run folder is missing, or one is in the way."""


class DamagedError(WavetreeError):
    """A file of a run is truncated, altered or missing."""

    exit_code = 3


class NotFittedError(InputError, ValueError, AttributeError):
    """A Scorer is asked before it has learnt anything."""


class SaveError(InputError):
    """A file could not be written. What was saved before still loads."""
