"""What a service holds of people: told in an export, and forgotten in an erasure.

Each service declares its holdings (holdings.py) in its file `privacy.py`; the rest is the same in
all of them (docs/privacy.md, docs/decisions/0091).
"""
