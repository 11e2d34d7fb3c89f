"""Learning material: the lesson, the cheat sheet, practice that is graded by computing, and cards.

lesson.md, cheatsheet.md     the texts; every Python block of the lesson is run by a test
practice/                    questions, and the answers that the product computes
cards.py                     what to know by heart
text.py, pages.py, site.py   the same as an offline site; notebook.py: the lesson as a notebook
"""
