-- Deletes those of the next messages of an id range that are nowhere any more; to be run while nothing is resent.
-- Returns how many it deleted, and the id from which on it has not looked, null at the end of the range. Counted,
-- because NOT EXISTS can be planned as a join with all deliveries.
WITH looked AS MATERIALIZED (
    SELECT id FROM messages WHERE id >= %(low)s AND id < %(high)s ORDER BY id LIMIT %(most)s + 1
), next AS MATERIALIZED (
    SELECT id FROM looked ORDER BY id OFFSET %(most)s
), gone AS (
    DELETE FROM messages
     WHERE id >= %(low)s AND id < %(high)s
       AND id = ANY (ARRAY(
           SELECT id FROM looked
            WHERE (SELECT count(*) FROM next WHERE next.id = looked.id) = 0
              AND (SELECT count(*) FROM due WHERE due.message_id = looked.id) = 0
              AND (SELECT count(*) FROM retries WHERE retries.message_id = looked.id) = 0
              AND (SELECT count(*) FROM cancellations WHERE cancellations.message_id = looked.id) = 0
              AND (SELECT count(*) FROM deliveries WHERE deliveries.message_id = looked.id) = 0))
 RETURNING 1
)
SELECT (SELECT count(*) FROM gone), (SELECT id FROM next)
