-- Deletes a customer without waiting messages, if it has one of the versions; its keys, its pause, its commands (whose ids
-- would answer for another customer of its id) and its saturation go with it. What waits of an earlier customer of its
-- id does not count.
-- Returns one row: how many of its messages wait in due and in retries, and whether it was deleted. Each part of the
-- first count has an index of its own.
WITH present AS MATERIALIZED (
    SELECT incarnation AS number FROM customers WHERE id = %(id)s
), waiting AS MATERIALIZED (
    SELECT (SELECT count(*) FROM due
             WHERE customer_id = %(id)s AND holder IS NULL AND incarnation = (SELECT number FROM present))
           + (SELECT count(*) FROM due
               WHERE customer_id = %(id)s AND holder IS NOT NULL AND incarnation = (SELECT number FROM present)) AS due,
           (SELECT count(*) FROM retries
             WHERE customer_id = %(id)s AND incarnation = (SELECT number FROM present)) AS retries
), deleted AS (
    DELETE FROM customers
     USING waiting
     WHERE customers.id = %(id)s AND waiting.due + waiting.retries = 0
       AND (%(versions)s::bigint[] IS NULL OR customers.version = ANY(%(versions)s::bigint[]))
 RETURNING customers.id
), resumed AS (
    DELETE FROM control_state USING deleted WHERE control_state.scope = deleted.id
), forgotten AS (
    DELETE FROM control_commands USING deleted WHERE control_commands.scope = deleted.id
), unsaturated AS (
    DELETE FROM saturated_customers USING deleted WHERE saturated_customers.customer_id = deleted.id
)
SELECT waiting.due, waiting.retries, EXISTS (SELECT FROM deleted) FROM waiting
