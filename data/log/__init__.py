"""The event log: decisions and events, on disk before they are acknowledged.

`EventLog` is embedded (SQLite, many threads and processes); `redis_log.RedisLog` is scaled.
Both end as Parquet by day, which the join reads: `roll` and `drain`.
"""

from data.log.buffer import BufferedLog, Ticket
from data.log.embedded import EventLog
from data.log.parquet import append_table, retire
from data.log.records import PageRecords, decode, encode, encode_page
from data.log.roll import roll

__all__ = [
    "BufferedLog",
    "EventLog",
    "PageRecords",
    "Ticket",
    "append_table",
    "decode",
    "encode",
    "encode_page",
    "retire",
    "roll",
]
