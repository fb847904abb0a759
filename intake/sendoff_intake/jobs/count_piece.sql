-- Counts a piece that is added to an import, if this one and all that are held together stay small enough. One row if so.
UPDATE jobs
   SET pieces = pieces + 1, lines = lines + %(lines)s, matched = matched + %(items)s,
       held_bytes = held_bytes + %(size)s
 WHERE id = %(id)s
   AND held_bytes + %(size)s <= %(most_of_job)s
   AND %(size)s + (SELECT coalesce(sum(held.held_bytes), 0) FROM jobs AS held WHERE held.held_bytes > 0) <= %(most)s
RETURNING id
