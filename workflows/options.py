"""How long to wait for an effect and how often to try, by kind of effect."""

from datetime import timedelta

from temporalio.common import RetryPolicy

# A partner call answers within its own read time-out of some seconds; a worker that was killed is noticed after this.
EFFECT_TRY = timedelta(seconds=12)
EFFECT_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=1), backoff_coefficient=2, maximum_interval=timedelta(seconds=30)
)

# Notes are rows only: written beside the workflow task first, and by a queued activity without end when the database is away.
NOTE_TRY = timedelta(seconds=3)
NOTE_LIMIT = timedelta(seconds=5)
NOTE_RETRY = RetryPolicy(initial_interval=timedelta(milliseconds=100), maximum_attempts=2)
NOTE_UNTIL_DONE = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30))
