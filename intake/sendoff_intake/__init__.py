"""How a message comes in by any door: a SubmissionReader reads it, an AdmittingIntake stores it."""
