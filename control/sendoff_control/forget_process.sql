-- Deletes this process from the list; a successor of the same name stays.
DELETE FROM processes
 WHERE instance = %(instance)s AND process = %(process)s AND role = %(role)s AND started_at = %(started_at)s
   AND pid = %(pid)s
