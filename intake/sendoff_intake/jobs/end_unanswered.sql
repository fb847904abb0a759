-- Cancels the jobs that were held for so long that nobody will start them any more, and says so in them. One that is being
-- commanded is left to the next time. Returns them.
UPDATE jobs
   SET state = 'cancelled', finished_at = clock_timestamp(), error = %(reason)s
 WHERE id = ANY (ARRAY(SELECT id FROM jobs
                        WHERE state = 'held' AND created_at <= now() - %(longest)s::interval
                          FOR UPDATE SKIP LOCKED))
   AND state = 'held'
RETURNING id, kind, customer_id, matched
