"""Do the numbers that people stop, publish and commission by keep their word?

A module measures one kind of number on worlds with known truth and gives rows for one table.
"""
