-- Changes a customer if it still has the version that was read, and gives it the next one. One row if it was changed.
UPDATE customers
   SET name = %(name)s, webhook_url = %(webhook_url)s, headers = %(headers)s, timeout_ms = %(timeout_ms)s,
       connect_timeout_ms = %(connect_timeout_ms)s, retry = %(retry)s, response_rule = %(response_rule)s,
       rate = %(rate)s, rate_period_ms = %(rate_period_ms)s, concurrency = %(concurrency)s, breaker = %(breaker)s,
       version = version + 1, updated_at = now()
 WHERE id = %(id)s AND version = %(version)s
RETURNING id
