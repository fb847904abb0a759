-- Reads when the last of a customer's old signing keys runs out; null if none of them is valid any more.
SELECT max(expires_at) FROM valid_keys WHERE customer_id = %(id)s
