"""A snapshot in other forms: rows, JSON, tables. None of them leaves out what is not known."""
