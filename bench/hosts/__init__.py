"""Many hosts: servers, nodes, stores and disks that fail under what is promised all the same."""
