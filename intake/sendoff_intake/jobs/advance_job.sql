-- Writes how far a job has come; what was counted and is not there any more at its end was skipped. Returns its counts.
UPDATE jobs
   SET reached = %(reached)s,
       done = done + %(done)s,
       skipped = CASE WHEN %(finished)s THEN greatest(skipped + %(skipped)s, matched - done - %(done)s)
                      ELSE skipped + %(skipped)s END,
       state = CASE WHEN %(finished)s THEN 'done' ELSE state END,
       finished_at = CASE WHEN %(finished)s THEN clock_timestamp() END,
       next_step_at = clock_timestamp() + make_interval(secs => %(pause)s),
       failures = 0,
       error = NULL
 WHERE id = %(id)s
RETURNING done, skipped
