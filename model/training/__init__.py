"""From a stream of examples to a fitted network: passes over the data, fits, calibration.

May import `model.network`, `model.heads` and `data`.
"""
