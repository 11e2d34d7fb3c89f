"""The explorer: an HTTP API over runs, and the page that looks at them.

app.py            the application, put together; server.py: uvicorn, and how it stops
guard.py          what every request passes; limits.py: the one table of limits; refusals.py: what an error looks like
model_thread.py   the queue, and the one thread in which models compute; work.py: what it computes
shelf.py          runs by their ids, some of them in memory
jobs.py           training and comparing in processes of their own (child.py), told as events (events.py)
routes/           what can be asked; bodies.py, answers.py: the shapes of both
web/              the page
"""
