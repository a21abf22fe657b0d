"""Pages for people: what members see and why, and what became of each artwork.

`web.command` opens them, `web.app` says which there are; they show what `serve` decides and
`evaluate` counts, and compute neither anew. Nothing here runs in the browser.
"""
