-- Deletes a customer without waiting messages, if it has one of the versions; its keys and its pause go with it.
-- Returns one row: how many of its messages wait in due and in retries, and whether it was deleted. Each part of the
-- first count has an index of its own.
WITH waiting AS MATERIALIZED (
    SELECT (SELECT count(*) FROM due WHERE customer_id = %(id)s AND holder IS NULL)
           + (SELECT count(*) FROM due WHERE customer_id = %(id)s AND holder IS NOT NULL) AS due,
           (SELECT count(*) FROM retries WHERE customer_id = %(id)s) AS retries
), deleted AS (
    DELETE FROM customers
     USING waiting
     WHERE customers.id = %(id)s AND waiting.due + waiting.retries = 0
       AND (%(versions)s::bigint[] IS NULL OR customers.version = ANY(%(versions)s::bigint[]))
 RETURNING customers.id
), resumed AS (
    DELETE FROM control_state USING deleted WHERE control_state.scope = deleted.id
)
SELECT waiting.due, waiting.retries, EXISTS (SELECT FROM deleted) FROM waiting
