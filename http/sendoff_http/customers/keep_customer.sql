-- Returns whose events a customer gets, if it is there, and keeps it from being deleted before the transaction ends.
SELECT events_of FROM customers WHERE id = %(id)s FOR KEY SHARE
