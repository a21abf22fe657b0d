"""Records, catalogue, images, features, logs and joins: everything that is stored or read.

May import `bandit`; never torch.
"""
