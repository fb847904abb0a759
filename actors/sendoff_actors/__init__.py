"""The worker process: Claimer, Sender, Retrier and DeadLetterer on Dramatiq."""
