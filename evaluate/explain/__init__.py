"""Why a member sees this artwork of a title, and when it last changed, from the command line.

May import `serve.live` but for its service, and the log's readers.
"""
