"""Settings as `--set` takes them: a configuration whose model can be outlined, or a sentence."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.fuzz.guard import a_result_or_a_sentence
from tests.fuzz.hostile import NUMBERS, texts

from wavetree.config import KINDS, PRESETS, Config, configure
from wavetree.models import SMALL, most_weights, outline, parameter_count

KNOWN = sorted(
    {f"{part}.{name}" for preset in PRESETS.values() for part, names in preset.model_dump().items() for name in names}
    | {f"model.{name}" for kind in KINDS.values() for name in kind.model_fields}
)
CHOICES = [
    "tree",
    "flat",
    "transformer",
    "wavenet",
    "items",
    "text",
    "audio",
    "bytes",
    "hash",
    "1,2,4",
    "1",
    "0.5",
    "muon",
]


def changes() -> st.SearchStrategy[str]:
    """A change such as model.levels=4, or what somebody might type in its place."""
    names = st.sampled_from(KNOWN) | st.sampled_from(["data", "model", "train.", ".levels", "model.levels.x"]) | texts()
    values = st.sampled_from(CHOICES) | texts() | st.sampled_from(NUMBERS).map(str) | st.lists(texts(4)).map(",".join)
    return st.builds("{}={}".format, names, values) | st.sampled_from(KNOWN) | texts()


@given(
    preset=st.sampled_from(sorted(PRESETS)) | texts(),
    several=st.lists(changes(), min_size=1, max_size=4),
    sizes=st.tuples(st.sampled_from([2, 27, 257, 4097]), st.sampled_from([0, 3])),
)
def test_settings(preset: str, several: list[str], sizes: tuple[int, int]) -> None:
    with a_result_or_a_sentence({2}) as refused:
        made = configure(preset, several)
        assert Config.model_validate(made.model_dump()) == made
        model = outline(made.model, *sizes)
        assert model.receptive_field >= 1
        assert parameter_count(model) <= most_weights(made.model, sum(sizes))
    assert all(str(error).encode("utf-8", "backslashreplace") for error in refused)


def test_the_presets_are_outlined_with_weights() -> None:
    """A large model is outlined by a part of torch that takes a second to load."""
    assert all(most_weights(preset.model, 300) < SMALL for preset in PRESETS.values())
