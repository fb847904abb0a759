-- Lists every attempt of a message that is still kept, the latest first.
-- The successful attempt of the present generation is its delivery.
SELECT generation, attempt, started_at, duration_us, status_code, error_class, detail, answer
  FROM attempts
 WHERE message_id = %(id)s
 UNION ALL
SELECT generation, attempts, sent_at, duration_us, status_code, NULL, NULL, NULL
  FROM deliveries
 WHERE message_id = %(id)s
 ORDER BY generation DESC, attempt DESC, started_at DESC
 LIMIT %(limit)s
