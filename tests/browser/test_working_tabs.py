"""Train, Compare and Learn in a real browser: by mouse and by keys alone, on a desktop and on a phone."""

from __future__ import annotations

from typing import Literal

import pytest
from playwright.sync_api import expect
from tests.browser.conftest import Opened, Size, Watched

import wavetree

By = Literal["mouse", "keys"]
ITEMS = wavetree.embedded_names().items[::40]
LIST = "\n".join(ITEMS)
EVERY = [(size, by) for size in ("desktop", "phone") for by in ("mouse", "keys")]


@pytest.mark.parametrize(("size", "by"), EVERY)
def test_train_and_compare(opened: Opened, size: Size, by: By) -> None:
    """Both at once, each a process of its own: the ladder is stopped on its way, the training ends by itself."""
    it = opened(size)
    it.go("train")
    begin_training(it, by, f"{size}-{by}")
    it.page.wait_for_selector(".pill.state-running")
    training = it.page.url
    begin_climbing(it, by)
    expect(it.page.locator(".results tbody th").first).to_have_text("flat 3")
    it.check(by)
    stop_climbing(it, by)
    expect(it.page.get_by_text("The comparison is stopped.")).to_be_visible()
    it.page.goto(training)
    it.page.wait_for_selector(".pill.state-done")
    see_what_came(it)
    it.check(by)
    (it.page.get_by_role("button", name="Look inside").click if by == "mouse" else lambda: act(it, ".job .main"))()
    expect(it.page.locator("#facts")).to_contain_text(f"{size}-{by}")
    assert "#tree" in it.page.url


def act(it: Watched, selector: str, key: str = "Enter") -> None:
    it.tab_to(selector)
    it.press(key)


def begin_training(it: Watched, by: By, name: str) -> None:
    page = it.page
    if by == "mouse":
        page.get_by_label("Your list").fill(LIST)
        page.get_by_label("Name of the run").fill(name)
        page.get_by_label("Seconds").fill("1")
        expect(page.locator(".train-form [role=status]")).to_contain_text(f"{len(ITEMS)} items, {len(ITEMS)} distinct")
        page.get_by_role("button", name="Train").click()
        return
    for place, text in [("your-list", LIST), ("name-of-the-run", name), ("seconds-at-most", "1")]:
        it.tab_to(f"#field-{place}")
        it.press("Control+A")
        page.keyboard.insert_text(text)
    act(it, ".train-form button.main")


def begin_climbing(it: Watched, by: By) -> None:
    page = it.page
    if by == "mouse":
        page.get_by_role("tab", name="Compare").click()
        page.locator("#ladder-list").fill(LIST)
        page.get_by_role("button", name="Climb the ladder").click()
        return
    page.locator("#tab-train").focus()
    it.press("ArrowRight")
    it.tab_to("#ladder-list")
    page.keyboard.insert_text(LIST)
    act(it, ".compare button.main", "Space")


def stop_climbing(it: Watched, by: By) -> None:
    if by == "mouse":
        it.page.get_by_role("button", name="Stop").click()
    else:
        act(it, ".compare button:not(.main)")


def see_what_came(it: Watched) -> None:
    """Losses, samples and the learning tree, by the numbers that the server tells."""
    page = it.page
    run = page.locator(".job h2").inner_text()
    told = page.evaluate("run => fetch(`api/runs/${run}`).then((answer) => answer.json())", run)
    last = told["checks"][-1]
    expect(page.locator(".history tbody tr").first).to_contain_text(f"{last['val_nll']:.4f}")
    expect(page.locator(".history tbody tr").first).to_contain_text(last["samples"][0])
    assert page.locator(".history tbody tr").count() == len(told["checks"])
    assert page.locator(".chart circle").count() == len(told["checks"])
    expect(page.locator(".growing-tree .bar").first).to_be_visible()


@pytest.mark.parametrize("by", ["mouse", "keys"])
def test_a_training_is_paused_taken_up_and_stopped(opened: Opened, by: By) -> None:
    it = opened("desktop")
    it.go("train")
    it.page.get_by_label("Seconds").fill("600")
    begin = it.page.get_by_role("button", name="Train")
    begin.click()
    for state, key, name in [("running", "p", "Pause"), ("paused", "p", "Go on"), ("running", "s", "Stop")]:
        it.page.wait_for_selector(f".pill.state-{state}")
        expect(it.page.locator(".facts-line")).to_contain_text("step")
        if by == "mouse":
            it.page.get_by_role("button", name=name).click()
        else:
            it.page.locator("#panel").focus()
            it.press(key)
    it.page.wait_for_selector(".pill.state-stopped")
    expect(it.page.get_by_role("button", name="Go on")).to_be_visible()


def test_a_long_list_is_pasted(opened: Opened) -> None:
    it = opened("desktop")
    it.go("train")
    it.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    text = "\n".join(f"{number:b}" for number in range(30_000))
    it.page.evaluate("text => navigator.clipboard.writeText(text)", text)
    it.page.get_by_label("Your list").focus()
    it.press("Control+V")
    expect(it.page.locator(".train-form [role=status]")).to_contain_text("30,000 items, 30,000 distinct")
    assert it.page.get_by_label("Your list").input_value() == text


def test_a_list_that_cannot_be_learnt_is_refused_in_a_sentence(opened: Opened) -> None:
    it = opened("phone")
    it.go("train")
    it.page.get_by_label("Your list").fill("only\none")
    with it.page.expect_response("**/api/jobs/train") as refused:
        it.page.get_by_role("button", name="Train").click()
    assert refused.value.status == 422
    expect(it.page.get_by_role("alert").first).to_contain_text(refused.value.json()["error"]["message"])
    it.complaints = [said for said in it.complaints if "422" not in said]  # the browser logs every refusal


@pytest.mark.parametrize(("size", "by"), EVERY)
def test_learn(opened: Opened, size: Size, by: By) -> None:
    it = opened(size)
    page = it.page
    it.go("learn")
    expect(page.get_by_role("heading", name="A tree that reads")).to_be_visible()
    it.check(by)
    read_a_section(it, by)
    choose(it, by, "Practice", 1)
    answer_a_question(it, by)
    it.check(by)
    choose(it, by, "Cheat sheet", 1)
    expect(page.get_by_role("heading", name="Cheat sheet")).to_be_visible()
    it.check(by)
    choose(it, by, "Cards", 1)
    grade_cards(it, by)
    it.check(by)
    choose(it, by, "Print", 1)
    expect(page.locator(".paper-card").last).to_be_visible()
    it.check(by)


def choose(it: Watched, by: By, view: str, steps: int) -> None:
    if by == "mouse":
        it.page.locator(".learn-choice label", has_text=view).click()
    else:
        it.page.locator("#tab-learn").focus()
        it.tab_to(".learn-choice input")
        it.press(*["ArrowRight"] * steps)
    expect(it.page.locator(".learn-choice input:checked + span")).to_have_text(view)


def read_a_section(it: Watched, by: By) -> None:
    link = it.page.locator(".contents a").nth(4)
    if by == "mouse":
        link.click()
    else:
        it.tab_to(".contents li:nth-child(5) a")
        it.press("Enter")
    it.page.wait_for_url("**section=**")
    title = link.inner_text()
    expect(it.page.locator(".prose h2:focus")).to_have_text(title)


def answer_a_question(it: Watched, by: By) -> None:
    """Wrong, then right: what is right is asked of the server, as a learner would look it up."""
    page = it.page
    page.wait_for_selector(".practice .prose > p")
    said, right = page.locator(".verdict-box"), right_answer(it)
    for answer, verdict in [("(1, 1)", "Not quite."), (right, "Right.")]:
        if by == "mouse":
            page.get_by_label("Your answer").fill(answer)
            page.get_by_role("button", name="Check").click()
        else:
            it.tab_to("#practice-answer")
            it.press("Control+A")
            page.keyboard.type(answer)
            it.press("Enter")
        expect(said).to_contain_text(verdict)
    expect(page.get_by_text("1 of 26 right").or_(page.get_by_text("1 of"))).to_be_visible()


def right_answer(it: Watched) -> str:
    ask = """async () => {
        const ask = (path) => fetch(path).then((answer) => answer.json());
        const { questions } = await ask("api/learn/questions");
        return (await ask(`api/learn/questions/${questions[0].id}/answer?seed=1`)).answer;
    }"""
    return str(it.page.evaluate(ask))


def grade_cards(it: Watched, by: By) -> None:
    """The first card is not known and comes back, the second is put away."""
    page = it.page
    tally = page.locator(".flashcards [role=status]")
    expect(tally).to_have_text("0 known, 14 to go")
    first = page.locator(".front").inner_text()
    for key, name, known in [("1", "Again later", "0 known, 14 to go"), ("2", "Known", "1 known, 13 to go")]:
        if by == "mouse":
            page.locator(".flashcard").click()
            page.get_by_role("button", name=name).click()
        else:
            it.tab_to(".flashcard")
            it.press("Enter", key)
        expect(tally).to_have_text(known)
    assert page.locator(".front").inner_text() != first
    if by == "keys":
        it.press("Enter")
    else:
        page.locator(".flashcard").click()
    expect(page.locator(".flashcard")).to_have_attribute("aria-pressed", "true")
