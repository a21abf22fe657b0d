"""May a bundle take the live one's place? The test, the verdict and its words, the command.

May import `evaluate.ope` and `evaluate.policies`.
"""
