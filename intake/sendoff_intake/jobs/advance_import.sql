-- Writes how far an import has come, and which lines it has refused. Returns its counts.
UPDATE jobs
   SET done = done + %(stored)s,
       skipped = skipped + %(replayed)s,
       rejected = rejected + %(rejected)s,
       rejections = rejections || %(rejections)s::jsonb,
       held_bytes = held_bytes - %(freed)s,
       state = CASE WHEN %(finished)s THEN 'done' ELSE state END,
       finished_at = CASE WHEN %(finished)s THEN clock_timestamp() END,
       next_step_at = clock_timestamp() + make_interval(secs => %(pause)s),
       failures = 0,
       error = %(error)s
 WHERE id = %(id)s
RETURNING done, skipped, rejected
