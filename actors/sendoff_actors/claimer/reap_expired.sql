-- Gives back what is claimed by nobody any more: its lease has run out. Whoever still holds one of these tokens holds
-- nothing. A bounded number at a time.
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
