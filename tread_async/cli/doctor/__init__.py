"""``tread doctor``: each check is a function that gives findings; `examination` has their order."""
