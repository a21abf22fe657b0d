"""Pages for people: what members see and why, what became of each artwork, what a new one is worth.

`web.command` opens them, `web.app` says which there are; they show what `serve` decides and
`evaluate` counts, and compute neither anew. Nothing here runs in the browser.
"""
