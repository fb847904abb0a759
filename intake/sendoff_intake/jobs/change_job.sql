-- Moves a job to another state if it is in one from which that is possible; waits for a step that is under way, after
-- which there is none any more. One row if it was moved.
UPDATE jobs
   SET state = %(wanted)s, failures = 0, error = NULL,
       next_step_at = greatest(next_step_at, clock_timestamp()),
       started_at = CASE WHEN %(wanted)s = 'running' THEN coalesce(started_at, clock_timestamp()) ELSE started_at END,
       finished_at = CASE WHEN %(wanted)s = 'cancelled' THEN clock_timestamp() END
 WHERE id = %(id)s AND state = ANY(%(states)s::text[])
RETURNING id
