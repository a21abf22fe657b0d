"""The closed loop, day after day: as a policy in the simulator, and as the product's processes.

Stands at the top: may import every room but `bench`.
"""
