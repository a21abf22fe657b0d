"""The poster studio: cut-outs, palettes and lettering rendered to artwork.

May import `data`; knows no member.
"""
