"""What examples are worth beside their reward, and how much of it may be lost.

May import `data`; gate, experiments and monitor import it.
"""
