"""How a message comes in by any door: a SubmissionReader reads it, a GroupCommit or a MessageStore stores it."""
