-- Lists the newest messages of an id range.
SELECT id, true
  FROM messages
 WHERE id >= %(low)s AND id < %(high)s
 ORDER BY id DESC
 LIMIT %(chunk)s
