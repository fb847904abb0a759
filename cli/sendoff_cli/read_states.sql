-- Reads what is desired for every scope; no row for the global one means that nothing was ever decided.
SELECT scope, epoch, revision, desired FROM control_state
