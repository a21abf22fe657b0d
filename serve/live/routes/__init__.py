"""The end points of the live service, a router a resource, each made for a service.

May import `serve.live.service` and what that is made of.
"""
