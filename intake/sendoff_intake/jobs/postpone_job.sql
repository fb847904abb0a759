-- Writes that a step could not be done: the next try is later, and after too many the job has failed. Returns what has
-- become of it.
UPDATE jobs
   SET failures = %(failures)s,
       state = CASE WHEN %(failed)s THEN 'failed' ELSE state END,
       finished_at = CASE WHEN %(failed)s THEN clock_timestamp() END,
       error = %(error)s,
       next_step_at = clock_timestamp() + make_interval(secs => %(pause)s)
 WHERE id = %(id)s AND state = 'running'
RETURNING done, skipped
