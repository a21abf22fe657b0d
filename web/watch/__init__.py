"""The live policy over days: what the monitor says, what each bundle promised and what it earned.

`watcher` reads a log in the background, since a large one takes a while; pages show what it found
last, and since when.
"""
