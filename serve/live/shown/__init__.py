"""What pages show, and say of it in answer and log, where rules have a word in it and elsewhere.

May import what `serve.live` may, but for the service itself.
"""
