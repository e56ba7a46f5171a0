"""What ``tread config init`` writes."""

from __future__ import annotations

from typing import Final

__all__ = ["EXAMPLE"]

# A line that begins with "#" and no blank is one to take the "#" from.
EXAMPLE: Final = """\
# Profiles for tread and for SessionManager.from_config(). See: tread config show
# No token stands in this file; each profile says where its tokens come from.

# The profile that is used unless --profile or TREAD_PROFILE names another.
#default_profile = "prod"

#[profiles.prod]
#base_url = "https://app.tread.fi"
# Seconds that one call may take, repeats included.
#deadline_s = 20
# Requests at once: of all tokens, and of each.
#max_in_flight = 32
#max_in_flight_per_token = 8
# The rate of each token.
#requests_per_s = 10
# Ask twice for cached balances that are slow to come.
#hedge_cached = false
# "Bearer" on old installations.
#auth_scheme = "Token"
#headers = { "User-Agent" = "our-desk/1.0" }

# Accounts are called by the name of their token: desk-a/binance-main
#[profiles.prod.tokens.desk-a]
# What a program writes; there is no shell between.
#token_command = "pass show tread/desk-a"
# An HTTP proxy for this token alone.
#proxy = "http://10.0.0.1:3128"

#[profiles.prod.tokens.desk-b]
# A file of yours, with the mode 0600.
#token_file = "~/.tread/desk-b"

#[profiles.prod.tokens.desk-c]
# A variable of the environment.
#token_env = "DESK_C_TOKEN"

#[profiles.prod.tokens.desk-d]
# Service and user in the system's keyring: keyring set tread desk-d
#token_keyring = "tread/desk-d"

#[profiles.prod.tokens.desk-e]
# Standard input, read once.
#token_stdin = true
"""
