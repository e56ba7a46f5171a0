from typing import Any

import msgspec


class Event(msgspec.Struct):
    rule: str
    account: Any
    at_s: float


class Rule(msgspec.Struct): ...


class Judge:
    def __init__(self, rules): ...
    def judge(self, snapshot, now_s):
        return ()
