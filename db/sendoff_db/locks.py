"""The keys of PostgreSQL's advisory locks: all of them, so that none is used for two things."""

from typing import Final

#: Taken by a process that brings the schema up to date, so that of several that start at once one does it.
MIGRATIONS: Final = 0x5E4D0FF
#: Taken by a process that makes partitions, so that each is made once.
PARTITIONS: Final = 0x5E4D100
#: Taken while a partition is dropped; shared by what brings messages back, so that no body goes at that moment.
RETENTION: Final = 0x5E4D101
#: Shared by all claims; taken by a command to start or stop, so that no claim commits beside it.
CLAIMS: Final = 0x5E4D102
#: Taken by a process of the ingest that changes the lanes of its stream, so that no other does so at the same time.
LANES: Final = 0x5E4D103
#: Taken by a request that makes a job, so that there are not more of them than allowed.
JOBS: Final = 0x5E4D104
