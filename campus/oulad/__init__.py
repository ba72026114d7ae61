"""Imports the Open University Learning Analytics Dataset through the public APIs.

Kuzilek, Hlosta, Zdrahal, "Open University Learning Analytics dataset", Scientific Data 4:170171
(2017). `files` reads it, `load` sends it, `command` is `tandem import oulad`.
"""
