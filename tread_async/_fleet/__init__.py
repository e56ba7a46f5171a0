"""The machinery of `SessionManager`: many tokens, all their accounts.

`lines` is one token in the fleet, `directory` knows whose accounts there are, `isolation` finds the
account that spoils a batch, `reading` and `flights` read balances, `settling` turns answers into
outcomes, `writing` and `verifying` set values and read them back.
"""
