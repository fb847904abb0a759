-- Makes everything that is still scheduled due now.
UPDATE due SET due_at = now(), visible_at = now(), token = token + 1 WHERE holder IS NULL AND due_at > now()
