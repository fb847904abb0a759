-- Reads the headers of the next customers by id that have any, and what they are sealed for.
SELECT id, incarnation, webhook_url, headers
  FROM customers
 WHERE id > %(after)s AND headers <> '{}'
 ORDER BY id
 LIMIT %(limit)s
