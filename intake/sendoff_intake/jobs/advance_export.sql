-- Writes how far an export has come; what was counted and is not there any more at its end was skipped. Returns its counts.
UPDATE jobs
   SET reached = %(reached)s,
       done = done + %(done)s,
       skipped = CASE WHEN %(state)s = 'done' THEN greatest(skipped + %(skipped)s, matched - done - %(done)s)
                      ELSE skipped + %(skipped)s END,
       pieces = pieces + %(pieces)s,
       held_bytes = held_bytes + %(size)s,
       state = %(state)s,
       finished_at = CASE WHEN %(state)s <> 'running' THEN clock_timestamp() END,
       next_step_at = clock_timestamp() + make_interval(secs => %(pause)s),
       failures = 0,
       error = %(error)s
 WHERE id = %(id)s
RETURNING done, skipped
