"""OneRoster 1.2 CSV: what its files say, and what an import makes of them.

The source of the rules is 1EdTech's OneRoster CSV Binding 1.2.1 ("the binding").
"""
