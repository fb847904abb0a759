-- Reads the next events after the cursor, in the order of their transactions and none of one that another may precede.
-- What a transaction below the oldest running one has written is all there: nothing can appear before it any more.
-- Each arm is bounded by itself, so that it reads no more of its index than it needs.
WITH bound AS (
    SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint + shift AS below FROM event_cursor
), sent AS (
    SELECT event_position, message_id, customer_id, 'sent' AS kind, generation, attempts AS attempt,
           sent_at AS happened_at, status_code::integer AS status_code, NULL::text AS error_class,
           NULL::text AS reason, duration_us
      FROM deliveries
     WHERE event_position >= %(position)s::bigint AND event_position < (SELECT below FROM bound)
       AND (event_position, message_id) > (%(position)s::bigint, %(message_id)s::uuid)
     ORDER BY event_position, message_id LIMIT %(limit)s
), tried AS (
    SELECT event_position, message_id, generation, attempt, started_at, status_code, error_class, duration_us
      FROM attempts
     WHERE event_position >= %(position)s::bigint AND event_position < (SELECT below FROM bound)
       AND (event_position, message_id) > (%(position)s::bigint, %(message_id)s::uuid)
     ORDER BY event_position, message_id LIMIT %(limit)s
), dead AS (
    SELECT event_position, message_id, customer_id, 'dead', generation, attempts, dead_at,
           CASE WHEN attempts > 0 THEN (history -> -1 ->> 'statusCode')::integer END,
           CASE WHEN attempts > 0 THEN history -> -1 ->> 'errorClass' END, reason, NULL::bigint
      FROM dead_letters
     WHERE event_position >= %(position)s::bigint AND event_position < (SELECT below FROM bound)
       AND (event_position, message_id) > (%(position)s::bigint, %(message_id)s::uuid)
     ORDER BY event_position, message_id LIMIT %(limit)s
), cancelled AS (
    SELECT event_position, message_id, customer_id, 'cancelled', generation, attempts, cancelled_at,
           NULL::integer, NULL::text, NULL::text, NULL::bigint
      FROM cancellations
     WHERE event_position >= %(position)s::bigint AND event_position < (SELECT below FROM bound)
       AND (event_position, message_id) > (%(position)s::bigint, %(message_id)s::uuid)
     ORDER BY event_position, message_id LIMIT %(limit)s
), past AS (
    SELECT event_position, message_id, customer_id, kind, generation, attempt, happened_at,
           status_code, error_class, reason, NULL::bigint
      FROM past_events
     WHERE event_position >= %(position)s::bigint AND event_position < (SELECT below FROM bound)
       AND (event_position, message_id) > (%(position)s::bigint, %(message_id)s::uuid)
     ORDER BY event_position, message_id LIMIT %(limit)s
), told AS (
    SELECT event_position, id, customer_id, kind, happened_at, reason, actor, requested_by, revision
      FROM fleet_events
     WHERE event_position >= %(position)s::bigint AND event_position < (SELECT below FROM bound)
       AND (event_position, id) > (%(position)s::bigint, %(message_id)s::uuid)
     ORDER BY event_position, id LIMIT %(limit)s
), of_messages AS (
    SELECT * FROM sent
     UNION ALL
    SELECT event_position, message_id,
           (SELECT messages.customer_id FROM messages WHERE messages.id = tried.message_id),
           CASE WHEN error_class IS NULL THEN 'sent' ELSE 'retry' END, generation, attempt,
           CASE WHEN error_class IS NULL THEN started_at ELSE started_at + duration_us * interval '1 us' END,
           status_code::integer, error_class, NULL, duration_us
      FROM tried
     UNION ALL
    SELECT * FROM dead
     UNION ALL
    SELECT * FROM cancelled
     UNION ALL
    SELECT * FROM past
)
SELECT event_position, message_id AS row_id, customer_id AS customer, kind, generation, attempt, happened_at,
       status_code, error_class, reason, duration_us, NULL AS actor, NULL AS requested_by, NULL::bigint AS revision
  FROM of_messages
 UNION ALL
SELECT event_position, id, customer_id, kind, NULL, NULL, happened_at, NULL, NULL, reason, NULL, actor, requested_by,
       revision
  FROM told
 ORDER BY event_position, row_id
 LIMIT %(limit)s
