"""Why a page shows this artwork: what each fact moved, what rules did, how sure the model is.

May import what `serve.live` may, but for the service itself.
"""
