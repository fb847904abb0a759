-- Makes messages that were sent, are dead or were cancelled due again, as a new generation; returns the ids moved with
-- their customers.
-- A delivery becomes an attempt, a body that is gone comes back from its dead letter, and an expiry that has passed
-- is lifted.
WITH was_sent AS (
    DELETE FROM deliveries WHERE message_id = ANY(%(ids)s::uuid[])
 RETURNING message_id, customer_id, incarnation, generation, token, attempts, sent_at, status_code, duration_us,
           event_position
), was_dead AS (
    DELETE FROM dead_letters WHERE message_id = ANY(%(dead_ids)s::uuid[])
 RETURNING *
), was_cancelled AS (
    DELETE FROM cancellations WHERE message_id = ANY(%(ids)s::uuid[])
 RETURNING message_id, customer_id, incarnation, generation, token
), remembered AS (
    INSERT INTO attempts (message_id, generation, attempt, token, started_at, duration_us, status_code, event_position)
    SELECT message_id, generation, attempts, token, sent_at, duration_us, status_code, event_position FROM was_sent
), brought_back AS (
    INSERT INTO messages (id, customer_id, recipient, payload, deliver_at, expires_at, created_at, retry,
                          reference, trace, incarnation)
    SELECT message_id, customer_id, recipient, payload, deliver_at, NULL, created_at, retry, reference,
           trace, incarnation
      FROM was_dead
     WHERE NOT EXISTS (SELECT FROM messages WHERE messages.id = was_dead.message_id)
), moved AS (
    SELECT message_id, customer_id, incarnation, generation, token FROM was_sent
     UNION ALL
    SELECT message_id, customer_id, incarnation, generation, token FROM was_dead
     UNION ALL
    SELECT message_id, customer_id, incarnation, generation, token FROM was_cancelled
), lifted AS (
    UPDATE messages SET expires_at = NULL
      FROM moved
     WHERE messages.id = moved.message_id AND messages.expires_at <= now()
)
INSERT INTO due (message_id, customer_id, due_at, visible_at, generation, token, incarnation)
SELECT message_id, customer_id, now(), now(), generation + 1, token + 1, incarnation FROM moved
RETURNING message_id, customer_id
