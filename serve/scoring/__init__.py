"""A bundle and a catalogue to functionals, candidate vectors and probabilities.

May import `bandit` and `data`; maps, precompute and live stand above it.
"""
