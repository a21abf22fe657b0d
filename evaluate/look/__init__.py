"""One look for everything that people read: pages in a browser, and files that commands write.

Templates, charts and the style sheet are here; nothing of it runs in the browser, so a strict
policy of content needs no exception and a file is read where scripts are not.
"""
