-- Adds a customer unless there is one of that id. One row if it was added.
INSERT INTO customers (id, name, webhook_url, headers, timeout_ms, connect_timeout_ms, retry, response_rule,
                       rate, rate_period_ms, concurrency, breaker)
VALUES (%(id)s, %(name)s, %(webhook_url)s, %(headers)s, %(timeout_ms)s, %(connect_timeout_ms)s, %(retry)s,
        %(response_rule)s, %(rate)s, %(rate_period_ms)s, %(concurrency)s, %(breaker)s)
    ON CONFLICT (id) DO NOTHING
RETURNING id
