"""Policies that maximise plays, takes, or what lasts, beside what they are worth over weeks.

One file a question; the world is `simulate/longterm`, what is measured lies in
`evaluate/longterm` and in the join's expected rewards.
"""
