"""A trained model as a file for elsewhere. Each kind is checked against the run that it was made from.

onnx.py     three graphs for any runtime of ONNX, the state as inputs and outputs
hub.py      a folder as the model hubs lay it out, with a model card; wavetree loads it like a run
document.py the model as one JSON object, for the page; page.py: the page as one file with the model in it
"""
