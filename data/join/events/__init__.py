"""What a reward may say of the events that followed an impression, and how it is counted.

May import `data.join`'s rewards and the schema; the join and its engines import it.
"""
