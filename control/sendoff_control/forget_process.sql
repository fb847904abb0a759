-- Takes this process off the list; a successor that has taken its place already stays.
DELETE FROM processes
 WHERE instance = %(instance)s AND process = %(process)s AND role = %(role)s AND started_at = %(started_at)s
   AND pid = %(pid)s
