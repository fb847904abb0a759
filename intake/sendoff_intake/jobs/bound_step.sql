-- Ends this transaction if its process stands still within it for so long, so that others get what it has locked.
SELECT set_config('idle_in_transaction_session_timeout', %(stall)s, true)
