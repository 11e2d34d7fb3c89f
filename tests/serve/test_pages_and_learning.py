"""The files of the page with their types, and the learning material with its graded practice."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from wavetree.learn.cards import cards
from wavetree.learn.practice import QUESTIONS
from wavetree.serve.routes.pages import TYPES, WEB, files


def test_every_file_of_the_page_has_its_type(client: TestClient) -> None:
    assert {path.suffix for path in WEB.rglob("*") if path.is_file()} <= set(TYPES) | {".md"}
    assert "index.html" in files()
    for name, path in files().items():
        answer = client.get(f"/{name}")
        assert answer.status_code == 200
        assert answer.content == path.read_bytes()
        assert answer.headers["content-type"] == TYPES[path.suffix]
        assert answer.headers["cache-control"] == "no-cache"
        assert answer.headers["x-content-type-options"] == "nosniff"
        again = client.get(f"/{name}", headers={"if-none-match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


def test_the_page_is_at_the_root_whatever_its_query(client: TestClient) -> None:
    page = client.get("/", params={"tab": "tree", "text": "maria"})
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.content == Path(WEB, "index.html").read_bytes()


def test_the_lesson_and_the_cheat_sheet(client: TestClient) -> None:
    found = client.get("/api/learn/lesson").json()
    assert found["title"] == "A tree that reads"
    for section in found["sections"]:
        assert f'id="{section["anchor"]}"' in found["html"]
    sheet = client.get("/api/learn/cheatsheet").json()["html"]
    for html in (found["html"], sheet):
        assert not re.search(r"<script|<style|\sstyle=|\son\w+=", html)


def test_the_cards(client: TestClient) -> None:
    found = client.get("/api/learn/cards").json()["cards"]
    assert [card["name"] for card in found] == [card.name for card in cards()]
    assert all(card["front"] and card["back"] for card in found)


def test_practice_is_graded_by_the_product(client: TestClient) -> None:
    found = client.get("/api/learn/questions").json()["questions"]
    assert [one["id"] for one in found] == [question.id for question in QUESTIONS]
    one = found[0]["id"]
    asked = client.get(f"/api/learn/questions/{one}", params={"seed": 3}).json()
    assert (asked["id"], asked["seed"]) == (one, 3)
    assert asked["text"].startswith("<p>")
    answer = client.get(f"/api/learn/questions/{one}/answer", params={"seed": 3}).json()["answer"]
    for said, right in ((answer, True), ("(1, 1)", False), ("no idea", None)):
        verdict = client.post(f"/api/learn/questions/{one}/grade", json={"seed": 3, "answer": said}).json()
        assert verdict["right"] is right
        assert verdict["says"].startswith("<p>")


@pytest.mark.parametrize("path", ["", "/answer"])
def test_questions_that_there_are_not(client: TestClient, path: str) -> None:
    assert client.get(f"/api/learn/questions/nothing{path}").json()["error"]["code"] == "not_found"
    assert client.get(f"/api/learn/questions/flat-width{path}", params={"seed": -1}).status_code == 422
