"""How a loop carries out the product's commands, and those that steer its days besides its model.

May import `data`, and nothing else of the loop.
"""
