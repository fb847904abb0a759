-- Lists the hours in which these messages were sent, for those that were.
SELECT DISTINCT date_trunc('hour', sent_at)
  FROM deliveries
 WHERE message_id = ANY(%(ids)s::uuid[])
