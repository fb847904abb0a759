-- Returns how many of the newest deliveries of the last five minutes were a customer's, or everybody's, and in how many
-- seconds they went out.
SELECT count(*) FILTER (WHERE %(customer)s::text IS NULL OR customer_id = %(customer)s) AS sent,
       coalesce(extract(epoch FROM now() - min(sent_at)), 0)::float8 AS seconds
  FROM (SELECT customer_id, sent_at
          FROM deliveries
         WHERE sent_at > now() - interval '5 minutes'
         ORDER BY sent_at DESC
         LIMIT 50000) AS newest
