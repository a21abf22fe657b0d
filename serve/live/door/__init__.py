"""What every request passes before any of the service sees it: token, rate, size, time, memory.

May import the standard library and `data.errors`; the service is handed to it.
"""
