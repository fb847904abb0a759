-- Makes the customer equal to the configuration; the version rises only when something differs.
INSERT INTO customers (id, name, webhook_url, timeout_ms, connect_timeout_ms, retry)
VALUES (%(id)s, %(id)s, %(webhook_url)s, %(timeout_ms)s, %(connect_timeout_ms)s, %(retry)s)
    ON CONFLICT (id) DO UPDATE
   SET webhook_url = excluded.webhook_url, timeout_ms = excluded.timeout_ms,
       connect_timeout_ms = excluded.connect_timeout_ms, retry = excluded.retry,
       version = customers.version + 1, updated_at = now()
 WHERE (customers.webhook_url, customers.timeout_ms, customers.connect_timeout_ms, customers.retry)
       IS DISTINCT FROM (excluded.webhook_url, excluded.timeout_ms, excluded.connect_timeout_ms, excluded.retry)
