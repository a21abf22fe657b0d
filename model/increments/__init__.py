"""Posteriors that take in a day's rewards at the cost of that day, without what came before.

May import what the rest of `model` is made of; nothing here reads or writes files.
"""
