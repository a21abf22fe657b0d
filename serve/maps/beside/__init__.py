"""What is shown beside the artwork of maps: synopses, trailers and other kinds, by numbers.

Page servers read it: NumPy and the room of maps alone. May import `serve.maps.store`.
"""
