"""What page servers need of data: ids and pictures, by the standard library alone.

Nothing here imports anything of ours; `clients/python` is made of it and of `serve`'s look-up.
"""
