"""Rules as people write them: `rules.yaml` read, held against a catalogue, checked and shown.

May import `bandit` and the rest of `data`; what rules do to probabilities is `bandit/rules`.
"""
