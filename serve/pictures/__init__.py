"""URLs of an artwork's pictures, by the canvas and the languages that a page asks for.

May import `data`; knows no map and no model.
"""
