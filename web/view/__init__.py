"""What pages show of what is published: members' choices, why, and what became of each artwork.

It asks `serve` for decisions and reads the log's examples; `web` itself makes pages of it.
"""
