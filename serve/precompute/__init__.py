"""All titles of all members decided ahead, block by block, here or on Spark.

May import `serve.scoring`, `serve.maps`, `bandit` and `data`.
"""
