-- Counts the signing keys by the way in which they are stored: plain ones have a header of one byte, encrypted ones
-- one that names their encryption key.
SELECT substring(sealed_key FOR CASE substring(sealed_key FOR 1) WHEN '\x00'::bytea THEN 1 ELSE 5 END) AS header, count(*)
  FROM customer_secrets
 GROUP BY header
