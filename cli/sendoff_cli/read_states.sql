-- Reads what is desired for every scope; without a row for the global scope nothing was ever decided.
SELECT scope, epoch, revision, desired FROM control_state
