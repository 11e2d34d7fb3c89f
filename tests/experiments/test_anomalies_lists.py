"""The made lists: the same for ever, as their descriptions say, and without a bad item among the good ones."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wavetree.errors import ListError
from wavetree.experiments.anomalies.families import FAMILIES, KRAKEN_SUFFIXES, after, generated
from wavetree.experiments.anomalies.hosts import hosts
from wavetree.experiments.anomalies.lists import _made, dictionary, made_lists
from wavetree.experiments.anomalies.logs import FAULTS, KINDS, faulty, is_token, tokens

SYLLABLES = [
    *("ba", "co", "di", "fe", "gu", "lo", "mi", "na", "pe", "ri", "sa", "to"),
    *("vu", "wen", "zor", "quy", "jax"),
]
WORDS = tuple(sorted({"".join(parts) for n in (2, 3) for parts in itertools.product(SYLLABLES, repeat=n)}))
"""A dictionary of our own, so that no test depends on what is installed."""
GOLDEN = {
    "ramnit": "mtsoexdphaqliva htmthgurhtchwlhwklf rkjtwjwmesvwhpc knpqxlxcwtlvgrdyhd vliiflsilgr",
    "necurs": "nilmerbifnq yfhjyxnnvabkbtjwvttfg wpouicgsqpshiqcfe cjekngojcitco xyawatjjilgawibcfgoek",
    "cryptolocker": "vimsheprumhnsbw wslxnyvmrwehtae xkptmsgihuksmhi lgoeektrsmymvuu ylfksifxgtvroef",
    "murofet": "skkjqsqjyhqcddqkibhuzuckf ifxwptxpvxwjbiryheymondaway hiwoaxbylrovxwpgxo hcybicezxaycirgjztkbinditmz "
    "byatoirytrktovovwmblznfwq",
    "kraken": "omahood buhulacihood nepemufonual wusuness nomocezenery",
    "simda": "gatyfus lyvyxor vojyqem qetyfuv puvyxil",
    "banjori": "sehnuyguzorfewenzyci nzcyozorwenquyloyopu egmyyjaxlozorwendpam "
    "ssgonzorzorquycoyyaw smxyijaxquydijaxxzhs",
    "suppobox": "nalotosaguco bafetosaguco nalotozorvu bafetozorvu nalototosaba",
}
GOLDEN_HOSTS = "vuzorsacloud toquycoweb torizorsasana pexchora zorzorsa2"
GOLDEN_TOKENS = (
    "/api/v2/users/123/items user_id=25058;role=owner [payments-worker-2] POST:users.accounts:200 status=504;bytes=137"
)
GOLDEN_FAULTS = {
    "wrong class": "auth-i7.eu-north-1 10.2.6.2g:3453 shipping-y7.us-west-1",
    "truncated": "[auth-wor latency_ms=4939;retri latency_ms=15;r",
    "swapped": "user_id=owner;role=14382 [3-worker-mailer] ap-south-12.billing-2",
    "doubled": "trace=trace=cb15c936-1876 /api/v2/events/67//invoices trace=5ed0e1625ed0e162-d4c8",
    "separator": "10.1.47=67:16396 session-12.us@east-1 trace=0de069e9@2520",
    "out of range": "user_id=502955;role=member /var/log/users/reports-4144.log cart.carts.py:958",
}
LENGTHS = {"ramnit": (8, 19), "necurs": (7, 21), "cryptolocker": (12, 15), "kraken": (7, 12), "simda": (7, 7)}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_gives_the_same_names_for_ever(family: str) -> None:
    assert " ".join(generated(family, 5, WORDS)) == GOLDEN[family]
    assert generated(family, 40, WORDS)[:5] == generated(family, 5, WORDS)


def test_every_family_is_there() -> None:
    assert list(FAMILIES) == list(GOLDEN)


@pytest.mark.parametrize("family", FAMILIES)
def test_names_are_as_described(family: str) -> None:
    made = generated(family, 500, WORDS)
    assert len(set(made)) == 500
    low, high = LENGTHS.get(family, (4, 40))
    assert all(low <= len(name) <= high and name.isascii() and name.isalpha() and name.islower() for name in made)
    if family in {"ramnit", "necurs", "cryptolocker"}:
        assert "z" not in "".join(made)  # 25 letters
    if family == "kraken":
        assert all(name.endswith(tuple(KRAKEN_SUFFIXES)) for name in made)
    if family == "suppobox":
        assert all(any(name[:cut] in WORDS and name[cut:] in WORDS for cut in range(4, len(name))) for name in made)


def test_banjori_and_simda_give_names_that_were_seen_in_the_wild() -> None:
    second = after("earnestnessbiophysicalohax")
    assert (second, after(second)) == ("kwtoestnessbiophysicalohax", "rvcxestnessbiophysicalohax")
    assert "lyvyxor" in generated("simda", 5, ())


def test_a_family_that_runs_dry_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FAMILIES, "one", lambda words: itertools.repeat("same"))
    with pytest.raises(ValueError, match="one gave 1 different"):
        generated("one", 3, ())


def test_hosts_are_the_same_for_ever() -> None:
    assert " ".join(hosts(5, WORDS)) == GOLDEN_HOSTS
    made = hosts(1000, WORDS)
    assert len(set(made)) == 1000
    assert set("".join(made)) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert all(3 <= len(label) <= 24 for label in made)


def test_tokens_and_faults_are_the_same_for_ever() -> None:
    assert " ".join(tokens(5)) == GOLDEN_TOKENS
    assert {fault: " ".join(faulty(fault, 3)) for fault in FAULTS} == GOLDEN_FAULTS


@given(seed=st.integers(0, 2**32))
def test_the_grammar_knows_its_own_tokens_and_no_faulty_one(seed: int) -> None:
    assert all(map(is_token, tokens(2 * len(KINDS), seed)))
    for fault in FAULTS:
        assert not any(map(is_token, faulty(fault, 3, seed)))


@pytest.mark.parametrize(
    "text",
    ["", "req-12345678901", "2024-13-01T00:00:00.000Z", "10.256.1.1:2000", "api@v1.2.3", "status=200;bytes=007"],
)
def test_what_is_no_token(text: str) -> None:
    assert not is_token(text)


def test_no_bad_item_is_a_good_one_or_has_a_strange_symbol() -> None:
    for made in made_lists(WORDS, good=600, bad=40):
        good, learnt = set(made.good.items), set("".join(made.split.train))
        for family, bad in made.bad.items():
            assert len(bad) >= 20, (made.name, family)
            assert not good & set(bad)
            assert set("".join(bad)) <= learnt
        assert [len(text) for text in made.random] == [len(item) for item in made.split.validation]
        assert made.digest == next(m for m in made_lists(WORDS, good=600, bad=40) if m.name == made.name).digest


def test_a_bad_item_that_is_a_good_one_is_left_out() -> None:
    good = [f"{word}a" for word in WORDS[:80]]
    made = _made("some", good, {"both": (good[3], "abab", good[4], "abab", "baba")}, 5)
    assert made.bad["both"] == ("abab", "baba")


def test_a_missing_dictionary_is_told(tmp_path: Path) -> None:
    with pytest.raises(ListError, match="apt-get install wamerican"):
        dictionary(tmp_path / "words")


def test_only_small_letters_are_words(tmp_path: Path) -> None:
    path = tmp_path / "words"
    path.write_text("\n".join([*WORDS, "Anna", "it's", "ab", "naïve"]), "utf-8")
    assert dictionary(path) == WORDS
    path.write_text("few\n", "utf-8")
    with pytest.raises(ListError, match="1 words of small letters"):
        dictionary(path)
