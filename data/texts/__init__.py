"""Texts as numbers: an encoder, and the leading directions of a catalogue's texts.

NumPy, SciPy and, where a sentence model is installed, ONNX Runtime; imports the root of `data`.
"""
