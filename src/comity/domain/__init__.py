"""The words of the field: values, ids and closed vocabularies that every other floor speaks.

Imports the standard library and msgspec only, so that the independent checker can stand on it.
"""
