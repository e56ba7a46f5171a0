"""The configuration file: where it is, what may stand in it, and where its tokens come from."""
