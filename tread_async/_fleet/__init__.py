"""The machinery of `SessionManager`, from the bottom up, imports going down only.

arguments, server_clock      checks of what the caller gives; how far the server's clock is from ours
isolation, settling          finding what spoils a batch; from an answer to outcomes
verifying, planning          what reading back says; what a wish comes to
lines                        one token: its calls, its accounts, what is known of its server
directory                    whose accounts there are, and which a text means
reading, writing             one read or write of some accounts of one token
flights                      reads under way, and all who wait for them
snapshots, writes, orders    all of it over many tokens
fleet                        the parts of an opened manager
"""
