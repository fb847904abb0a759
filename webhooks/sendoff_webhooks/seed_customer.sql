-- Makes the customer equal to the configuration; the version rises only when something differs.
INSERT INTO customers (id, name, webhook_url, timeout_ms, connect_timeout_ms, retry, headers, response_rule, breaker,
                       rate, rate_period_ms, concurrency)
VALUES (%(id)s, %(id)s, %(webhook_url)s, %(timeout_ms)s, %(connect_timeout_ms)s, %(retry)s, %(headers)s,
        %(response_rule)s, %(breaker)s, %(rate)s, %(rate_period_ms)s, %(concurrency)s)
    ON CONFLICT (id) DO UPDATE
   SET webhook_url = excluded.webhook_url, timeout_ms = excluded.timeout_ms,
       connect_timeout_ms = excluded.connect_timeout_ms, retry = excluded.retry, headers = excluded.headers,
       response_rule = excluded.response_rule, breaker = excluded.breaker, rate = excluded.rate,
       rate_period_ms = excluded.rate_period_ms, concurrency = excluded.concurrency,
       version = customers.version + 1, updated_at = now()
 WHERE (customers.webhook_url, customers.timeout_ms, customers.connect_timeout_ms, customers.retry, customers.headers,
        customers.response_rule, customers.breaker, customers.rate, customers.rate_period_ms, customers.concurrency)
       IS DISTINCT FROM
       (excluded.webhook_url, excluded.timeout_ms, excluded.connect_timeout_ms, excluded.retry, excluded.headers,
        excluded.response_rule, excluded.breaker, excluded.rate, excluded.rate_period_ms, excluded.concurrency)
