"""Requests out, replies in: pure functions without I/O, clock or log.

`endpoints` is the table of what the API offers, `arguments` and `settings` check what the caller gives,
`requests` builds what is sent, `replies` reads what comes back.
"""
