"""The log in Kafka: topics that live services write to, and that `python -m data kafka` drains.

May import `data.log` and what that may.
"""
