"""What the talk found, measured again with intervals in a known world.

May import every room.
"""
