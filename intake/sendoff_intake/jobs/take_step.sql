-- Locks the job whose next step is due for the longest time and that nobody else is working on.
SELECT id, kind, selection, change, customer_id, incarnation, low, high, reached, rate, failures,
       jsonb_array_length(rejections) AS listed, pieces, held_bytes, created_at, requested_by, request_id
  FROM jobs
 WHERE state = 'running' AND next_step_at <= now()
 ORDER BY next_step_at
 LIMIT 1
   FOR UPDATE SKIP LOCKED
