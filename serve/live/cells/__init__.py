"""Live decisions by the member's cell and the page's loop, and beside what the caller shows.

May import the rest of `serve.live` but its routes and the service.
"""
