-- The newest messages to one recipient in an id range.
SELECT id, true
  FROM messages
 WHERE recipient = %(recipient)s AND id >= %(low)s AND id < %(high)s
 ORDER BY id DESC
 LIMIT %(chunk)s
