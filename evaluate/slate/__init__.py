"""What a policy earns a row: estimators for slates, whose slots' rewards depend on one another.

NumPy and SciPy; may import `data` and `evaluate.ope`, whose intervals and SLOPE it uses.
"""
