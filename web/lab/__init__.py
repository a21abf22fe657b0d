"""The creative lab: an image that nobody has shown, judged beside all that a title has.

`uploads` keeps what was sent, written anew; `judge` asks `evaluate` what it would earn and finds
what is like it; `cautions` says what about the picture gives pause. `saliency` says
what in an image counts.
"""
