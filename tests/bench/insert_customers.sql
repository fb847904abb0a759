-- Inserts customers that are like the default one but for their ids.
INSERT INTO customers (id, name, description, webhook_url, timeout_ms, connect_timeout_ms, retry)
SELECT format('customer-%%s', n), format('Customer %%s', n), 'made for the benchmark',
       format('https://customer-%%s.example.org/hooks/sendoff', n), timeout_ms, connect_timeout_ms, retry
  FROM customers, generate_series(0, %(count)s - 1) AS n
 WHERE id = 'default'
