"""Posteriors over the reward, one kind a file, behind one interface.

May import `bandit` and `data`; knows neither files nor training loops.
"""
