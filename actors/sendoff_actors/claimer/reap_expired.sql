-- Releases claimed messages whose lease has run out, at most 1,000; the token of the claim is worth nothing then.
WITH expired AS MATERIALIZED (
    SELECT message_id FROM due
     WHERE holder IS NOT NULL AND visible_at <= statement_timestamp()
     ORDER BY visible_at
     LIMIT 1000
       FOR UPDATE SKIP LOCKED
)
UPDATE due
   SET holder = NULL, visible_at = due.due_at, token = due.token + 1
 WHERE due.message_id = ANY (ARRAY(SELECT message_id FROM expired))
