-- Changes a customer if it still has the version that was read, and gives it the next one. One row if it was changed.
UPDATE customers
   SET (name, description, webhook_url, headers, timeout_ms, connect_timeout_ms, retry, response_rule, rate,
        rate_period_ms, concurrency, backlog, breaker, events_of) =
       (given.name, given.description, given.webhook_url, given.headers, given.timeout_ms, given.connect_timeout_ms,
        given.retry, given.response_rule, given.rate, given.rate_period_ms, given.concurrency, given.backlog,
        given.breaker, given.events_of),
       version = customers.version + 1, updated_at = now()
  FROM jsonb_populate_record(NULL::customers, %(columns)s) AS given
 WHERE customers.id = given.id AND customers.incarnation = given.incarnation AND customers.version = %(version)s
RETURNING customers.id
