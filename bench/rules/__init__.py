"""Rules of every effect that change every hour: kept to the letter, exact, and at no cost in rates.

May import everything; nothing imports it.
"""
